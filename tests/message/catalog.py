#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""catalog.py ROOT OUTPUT HEADER…: a table of every message descriptor that the generated headers below ROOT declare."""
import os
import re
import sys

root, output, headers = sys.argv[1], sys.argv[2], sys.argv[3:]
names = []
includes = []
for header in headers:
    includes.append(os.path.relpath(header, root))
    with open(header, encoding='utf-8') as file:
        names += re.findall(r'^extern const ProtobufCMessageDescriptor (\w+);', file.read(), re.MULTILINE)
with open(output, 'w', encoding='utf-8') as file:
    file.writelines(f'#include "{name}"\n' for name in includes)
    file.write('#include "message/message.h"\n\n')
    file.write('extern const ProtobufCMessageDescriptor *const catalog[];\n')
    file.write('const ProtobufCMessageDescriptor *const catalog[] = {\n')
    file.writelines(f'    &{name},\n' for name in names)
    file.write('    NULL,\n};\n')
