# SPDX-License-Identifier: Apache-2.0
"""Each recorded exchange with Apache Mesos 1.11, again with our daemons."""

import base64
import json
import re

import pytest

from differences import differences, unused
from replay import build_request, exchange, facts, mismatches

EXCHANGES = facts("exchanges.jsonl")
BY_NAME = {fact["name"]: fact for fact in EXCHANGES}


def answer_to(scene, fact):
    address = scene.address if fact["to"] == "master" else scene.agents["agent"].address
    body = base64.b64decode(fact["body64"]) if "body64" in fact else fact.get("body", "").encode()
    return exchange(address, build_request(fact["request"], fact.get("headers", {}), body))


def header_mismatches(scene, fact, answer):
    expected = fact.get("expect", {})
    for name in {*expected, *answer.headers} - {"Date", "Content-Length", "Connection", "Transfer-Encoding"}:
        value = answer.headers.get(name)
        wanted = expected.get(name)
        if wanted is not None:
            wanted = wanted.replace("{port}", str(scene.port))
        yield from mismatches(wanted, value, f"header {name}")


def body_mismatches(fact, answer):
    """A message of Mesos is not repeated word by word: what it names is to be named, and only silence is silence."""
    template = fact.get("json", BY_NAME[fact["json_of"]]["json"] if "json_of" in fact else None)
    if "text" in fact:
        yield from mismatches(fact["text"], answer.text(), "text")
    elif "names" in fact and not fact["request"].startswith("HEAD"):
        if not answer.body:
            yield "text", "empty"
        for name in fact["names"]:
            if name not in answer.text():
                yield "text", f"does not name {name!r}: {answer.text()!r}"
    elif template is not None:
        if "json" not in answer.headers.get("Content-Type", "") and not fact.get("script"):
            yield "text", f"is not JSON: {answer.text()!r}"
        elif fact.get("stream"):
            size, _, record = answer.body.partition(b"\n")
            if int(size) != len(record):
                yield "text", f"has a record of {size!r} bytes with {len(record)}"
            yield from mismatches(template, json.loads(record))
        else:
            yield from mismatches(template, answer.json())


def seen_mismatches(scene, fact):
    answer = answer_to(scene, fact)
    yield from mismatches(fact["status"], answer.status, "status")
    yield from header_mismatches(scene, fact, answer)
    yield from body_mismatches(fact, answer)


DIFFERED = set()


@pytest.mark.parametrize("fact", EXCHANGES, ids=[fact["name"] for fact in EXCHANGES])
def test_the_answer_is_that_of_mesos(scene, fact):
    wrong = []
    for place, what in seen_mismatches(scene, fact):
        if any(re.fullmatch(pattern, place) for pattern in differences(fact["name"])):
            DIFFERED.add((fact["name"], place))
        else:
            wrong.append(f"{place}: {what}")
    assert not wrong, "\n".join(wrong)


def test_what_is_listed_as_different_is_different(request):
    ran = {item.callspec.params["fact"]["name"] for item in request.session.items
           if item.originalname == "test_the_answer_is_that_of_mesos"}
    if len(ran) < len(EXCHANGES):
        pytest.skip("only some of the exchanges were tried")
    assert unused(r"(?!accept/|streams/|wire/)", DIFFERED) == []
