# SPDX-License-Identifier: Apache-2.0
"""What the codecs are compared with: Google's implementation for the bytes, and Mesos's mapping to JSON written down
once more, from its description."""
import base64
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as Field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('BUILD_DIR', ROOT / 'build'))


def load_types():
    """Every message class of proto/, by full name, from descriptors that protoc makes now."""
    proto = ROOT / 'proto'
    names = sorted(str(path.relative_to(proto)) for path in proto.rglob('*.proto'))
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / 'descriptors'
        subprocess.run(['protoc', f'--proto_path={proto}', '--include_imports', f'--descriptor_set_out={output}', *names],
                       check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    types = {}

    def add(descriptor):
        if not descriptor.GetOptions().map_entry:
            types[descriptor.full_name] = message_factory.GetMessageClass(descriptor)
        for nested in descriptor.nested_types:
            add(nested)

    for file in files:
        for message in pool.FindFileByName(file.name).message_types_by_name.values():
            add(message)
    return types


TYPES = load_types()


class Refused(Exception):
    """The tool's answer to what it can not read."""


class Tool:
    """message_tool.c, running."""

    def __init__(self):
        self.process = subprocess.Popen([BUILD / 'tests' / 'message' / 'message_tool'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()

    def convert(self, type_name, source, target, data):
        self.process.stdin.write(f'{type_name} {source} {target} {len(data)}\n'.encode() + data)
        self.process.stdin.flush()
        status, size = self.process.stdout.readline().split()
        answer = self.process.stdout.read(int(size))
        if status != b'ok':
            raise Refused(answer.decode())
        return answer


def is_repeated(field):
    """Under any version of the library."""
    try:
        return field.is_repeated
    except AttributeError:
        return field.label == Field.LABEL_REPEATED


def is_required(field):
    try:
        return field.is_required
    except AttributeError:
        return field.label == Field.LABEL_REQUIRED


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


INTEGERS = {
    Field.TYPE_INT32: (-2**31, 2**31 - 1), Field.TYPE_SINT32: (-2**31, 2**31 - 1), Field.TYPE_UINT32: (0, 2**32 - 1),
    Field.TYPE_INT64: (-2**63, 2**63 - 1), Field.TYPE_SINT64: (-2**63, 2**63 - 1), Field.TYPE_UINT64: (0, 2**64 - 1),
    Field.TYPE_FIXED32: (0, 2**32 - 1), Field.TYPE_FIXED64: (0, 2**64 - 1),
    Field.TYPE_SFIXED32: (-2**31, 2**31 - 1), Field.TYPE_SFIXED64: (-2**63, 2**63 - 1),
}
LETTERS = 'abcXYZ019 /"\\{}[]:,._-\t\n\r\b\f\x01\x1f\x7féß€漢\u2028\ufffd🙂\U0010ffff'


class Filler:
    """Fills messages at random; the same seed gives the same messages."""

    def __init__(self, seed, finite=True):
        self.random = random.Random(seed)
        self.finite = finite

    def number(self, low, high):
        return self.random.choice([low, high, max(low, 0), min(high, 1), self.random.randint(low, high)])

    def double(self):
        while True:
            value = self.random.choice([
                0.0, 1.0, -1.5, 0.1, 1e21, 1e-7, float(self.random.randint(0, 10**6)) / 1000, 5e-324, 1.7976931348623157e308,
                struct.unpack('<d', self.random.randbytes(8))[0]])
            if math.isfinite(value) or not self.finite:
                return value

    def scalar(self, field):
        if field.type in INTEGERS:
            return self.number(*INTEGERS[field.type])
        if field.type == Field.TYPE_BOOL:
            return self.random.random() < 0.5
        if field.type == Field.TYPE_ENUM:
            return self.random.choice(field.enum_type.values).number
        if field.type == Field.TYPE_STRING:
            return ''.join(self.random.choices(LETTERS, k=self.random.choice([0, 1, 5, 17])))
        if field.type == Field.TYPE_BYTES:
            return self.random.randbytes(self.random.choice([0, 1, 2, 3, 16, 40]))
        assert field.type == Field.TYPE_DOUBLE
        return self.double()

    def fill_map(self, field, target, depth):
        key, value = field.message_type.fields_by_name['key'], field.message_type.fields_by_name['value']
        for _ in range(self.random.randint(0, 3)):
            name = self.scalar(key)
            if value.message_type is not None:
                self.fill(target[name], depth + 1)
            else:
                target[name] = self.scalar(value)

    def fill_field(self, message, field, depth):
        value = getattr(message, field.name)
        if is_map(field):
            self.fill_map(field, value, depth)
        elif is_repeated(field):
            for _ in range(self.random.choice([0, 1, 2, 5])):
                if field.message_type is not None:
                    self.fill(value.add(), depth + 1)
                else:
                    value.append(self.scalar(field))
        elif field.message_type is not None:
            value.SetInParent()
            self.fill(value, depth + 1)
        else:
            setattr(message, field.name, self.scalar(field))

    def fill(self, message, depth=0):
        for field in message.DESCRIPTOR.fields:
            if is_required(field) or self.random.random() < (0.7, 0.5, 0.3, 0.15, 0.05)[min(depth, 4)]:
                self.fill_field(message, field, depth)
        return message


def json_name(message, name, v0):
    """Fields that v0 says slave in: all that say agent_id or agent_info, but for two messages that came later."""
    later = ('mesos.v1.master.Event.AgentRemoved', 'mesos.v1.master.Response.GetAgents.Agent')
    if v0 and name in ('agent_id', 'agent_info') and message.full_name.startswith('mesos.v1.') and \
            message.full_name not in later:
        return name.replace('agent', 'slave')
    return name


def enum_name(enum, number, v0):
    name = enum.values_by_number[number].name
    if v0 and enum.full_name in ('mesos.v1.TaskStatus.Reason', 'mesos.v1.TaskStatus.Source'):
        return name.replace('AGENT', 'SLAVE')
    return name


def value_to_json(field, value, v0, defaults):
    if field.message_type is not None:
        return to_json(value, v0, defaults)
    if field.type == Field.TYPE_ENUM:
        return enum_name(field.enum_type, value, v0)
    if field.type == Field.TYPE_BYTES:
        return base64.b64encode(value).decode()
    return value


def to_json(message, v0=False, defaults=True):
    """In the mapping of Mesos; members in the order of declaration."""
    result = {}
    for field in message.DESCRIPTOR.fields:
        name = json_name(message.DESCRIPTOR, field.name, v0)
        value = getattr(message, field.name)
        if is_map(field):
            part = field.message_type.fields_by_name['value']
            if value:
                result[name] = {key: value_to_json(part, value[key], v0, defaults) for key in value}
        elif is_repeated(field):
            if value:
                result[name] = [value_to_json(field, element, v0, defaults) for element in value]
        elif message.HasField(field.name) if field.has_presence else bool(value):
            result[name] = value_to_json(field, value, v0, defaults)
        elif defaults and field.has_default_value and not field.GetOptions().deprecated:
            result[name] = value_to_json(field, field.default_value, v0, defaults)
    return result


def same_json(a, b, is_map_value=False):
    """Whether both have the same members in the same order, and numbers of the same kind."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return set(a) == set(b) and all(same_json(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    return a == b


def canonical(message):
    """Bytes that are the same for equal messages."""
    return message.SerializeToString(deterministic=True)


def dumps(value, **options):
    return json.dumps(value, **options).encode()
