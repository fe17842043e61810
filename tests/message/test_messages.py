# SPDX-License-Identifier: Apache-2.0
"""Every type of message, filled at random, against Google's implementation."""
import json
import random
import re

import pytest

from codec import BUILD, TYPES, Filler, Refused, Tool, canonical, dumps, is_map, is_repeated, same_json, to_json

ROUNDS = 4


@pytest.fixture(scope='module')
def tool():
    running = Tool()
    yield running
    running.close()


def fillings(name, finite=True):
    return [Filler(f'{name} {i}', finite).fill(TYPES[name]()) for i in range(ROUNDS)]


@pytest.mark.parametrize('name', TYPES)
def test_bytes_are_read_and_written_as_google_does(tool, name):
    for message in fillings(name, finite=False):
        answer = tool.convert(name, 'protobuf', 'protobuf', message.SerializeToString())
        assert canonical(TYPES[name].FromString(answer)) == canonical(message)


@pytest.mark.parametrize('name', TYPES)
@pytest.mark.parametrize('v0', [False, True], ids=['v1', 'v0'])
def test_json_is_written_in_mesos_mapping(tool, name, v0):
    for message in fillings(name):
        answer = tool.convert(name, 'protobuf', 'json0' if v0 else 'json', message.SerializeToString())
        expected = to_json(message, v0)
        written = json.loads(answer)
        assert same_json(written, expected)
        assert list(written) == list(expected), 'members in the order of declaration'


@pytest.mark.parametrize('name', TYPES)
@pytest.mark.parametrize('v0', [False, True], ids=['v1', 'v0'])
@pytest.mark.parametrize('style', [{'ensure_ascii': True}, {'ensure_ascii': False, 'indent': 2}], ids=['ascii', 'utf8'])
def test_json_is_read_in_mesos_mapping(tool, name, v0, style):
    for message in fillings(name):
        text = dumps(to_json(message, v0, defaults=False), **style)
        try:
            answer = tool.convert(name, 'json0' if v0 else 'json', 'protobuf', text)
        except Refused as refused:
            pytest.fail(f'{refused}: {text}')
        assert canonical(TYPES[name].FromString(answer)) == canonical(message)


def unknown_fields(chance):
    """Fields that no message has, one of each wire type, groups included."""
    every = [b'\xf8\xc3\x09\x96\x01', b'\xf9\xc3\x09' + b'12345678', b'\xfa\xc3\x09\x03abc', b'\xfd\xc3\x09' + b'1234',
             b'\xfb\xc3\x09\x08\x01\x12\x02hi\xfc\xc3\x09']
    return b''.join(chance.sample(every, chance.randint(1, len(every))))


@pytest.mark.parametrize('name', TYPES)
def test_unknown_fields_survive(tool, name):
    chance = random.Random(name)
    for message in fillings(name):
        data = message.SerializeToString() + unknown_fields(chance)
        answer = tool.convert(name, 'protobuf', 'protobuf', data)
        assert canonical(TYPES[name].FromString(answer)) == canonical(TYPES[name].FromString(data))


def mutate(chance, data):
    """Bytes that are almost right."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        kind = chance.random()
        at = chance.randrange(len(data) + 1)
        if kind < 0.3 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif kind < 0.5:
            del data[at:at + chance.randint(1, 4)]
        elif kind < 0.7:
            data[at:at] = chance.randbytes(chance.randint(1, 4))
        elif kind < 0.8:
            del data[at:]
        else:
            data += data[at:]
    return bytes(data)


def google_reads(name, data):
    """The message, or None if Google's implementation refuses the bytes or required fields are missing."""
    try:
        message = TYPES[name].FromString(data)
    except Exception:  # pylint: disable=broad-except
        return None
    return message if message.IsInitialized() else None


def without_maps(message):
    """Clear all maps in the message."""
    for field, value in message.ListFields():
        if is_map(field):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for nested in value if is_repeated(field) else [value]:
                without_maps(nested)


@pytest.mark.parametrize('name', TYPES)
def test_damaged_bytes_are_judged_as_google_does(tool, name):
    chance = random.Random(name)
    for message in fillings(name) * 5:
        data = mutate(chance, message.SerializeToString())
        expected = google_reads(name, data)
        try:
            answer = tool.convert(name, 'protobuf', 'protobuf', data)
        except Refused as refused:
            # Where this implementation is stricter on purpose: see message_decode().
            stricter = re.search(r'NUL character|required field|map entry|field number', str(refused))
            assert expected is None or stricter, f'{refused}: {data.hex()}'
            continue
        assert expected is not None, data.hex()
        actual = TYPES[name].FromString(answer)
        # Google keeps the very bytes of unknown fields, even where their numbers are written in more bytes than needed,
        # and does not agree with itself, from language to language, about map entries with something unknown in them.
        for result in (actual, expected):
            result.DiscardUnknownFields()
            without_maps(result)
        assert canonical(actual) == canonical(expected), data.hex()


def test_scheduler_calls_turn_from_v0_to_v1_and_back(tool):
    name = 'mesos.scheduler.Call'
    for message in fillings(name) + [Filler(i).fill(TYPES[name]()) for i in range(100)]:
        v1 = TYPES['mesos.v1.scheduler.Call'].FromString(
            tool.convert('mesos.v1.scheduler.Call', 'v0call', 'protobuf', message.SerializeToString()))
        back = TYPES[name].FromString(
            tool.convert('mesos.v1.scheduler.Call', 'protobuf', 'v0call', v1.SerializeToString()))
        message.subscribe.ClearField('force')
        if not back.HasField('subscribe'):
            message.ClearField('subscribe')
        assert canonical(back) == canonical(message)
        if message.HasField('subscribe'):
            assert v1.subscribe.suppressed_roles == message.subscribe.suppressed_roles
            assert v1.subscribe.framework_info.SerializeToString(deterministic=True) == \
                message.subscribe.framework_info.SerializeToString(deterministic=True)


def test_every_type_is_compared():
    """The tool knows as many types as protoc found, map entries apart."""
    generated = sum(len(re.findall(r'^extern const ProtobufCMessageDescriptor', path.read_text(), re.MULTILINE))
                    for path in (BUILD / 'proto').rglob('*.pb-c.h'))
    entries = sum(len(re.findall(r'^extern const ProtobufCMessageDescriptor \w+_entry__descriptor', path.read_text(),
                                 re.MULTILINE)) for path in (BUILD / 'proto').rglob('*.pb-c.h'))
    assert len(TYPES) > 450
    assert generated - entries <= len(TYPES) <= generated
