# SPDX-License-Identifier: Apache-2.0
"""What the checks share: which files there are, and C text without its comments and strings."""
import os
import re
import subprocess
import sys


def files(*suffixes):
    """The project's files with these suffixes: those git knows and new ones, without what it ignores."""
    if os.path.isdir('.git'):
        listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], text=True, stdout=subprocess.PIPE,
                                check=True).stdout.splitlines()
    else:
        listed = [os.path.relpath(os.path.join(folder, name), '.') for folder, _, names in os.walk('.')
                  for name in names if not re.search(r'/(build|\.git|__pycache__)(/|$)', folder + '/')]
    return sorted(name for name in set(listed) if os.path.isfile(name) and (not suffixes or name.endswith(suffixes)))


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text):
    """The text with comments and the insides of literals blanked, line breaks kept."""
    def blank(match):
        token = match.group()
        if token[0] in '"\'':
            return token[0] + ' ' * (len(token) - 2) + token[0]
        return re.sub(r'[^\n]', ' ', token)
    return TOKENS.sub(blank, text)


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
