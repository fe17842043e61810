#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate.sh PROTOC_C PROTO_ROOT OUTPUT_DIRECTORY SOURCE HEADER NAME…
#
# Generates C from PROTO_ROOT/NAME.proto below OUTPUT_DIRECTORY, and one SOURCE that includes all of it: the build names its
# outputs without folders, and one unit compiles faster than many. HEADER stands for all generated headers.
set -eu
protoc_c=$1 root=$2 output=$3 source=$4 header=$5
shift 5
mkdir -p "$output"
for name in "$@"; do
    (cd "$root" && "$protoc_c" --proto_path=. --c_out="$output" "$name.proto")
done
for name in "$@"; do
    echo "#include \"$name.pb-c.c\""
done >"$source"
echo '/* Generated with the messages; depended on by whatever includes their headers. */' >"$header"
