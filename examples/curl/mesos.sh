# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The v1 APIs with curl and bash, for the examples beside it. Source it, then:
#
#     subscribe URL CALL    begins the stream of events
#     next_event            reads the next one into $event
#     value NAME            the first member NAME of $event: a string, or {"value": string}
#     call CALL             makes another call
export LC_ALL=C
json=(-H 'Content-Type: application/json' -H 'Accept: application/json')
folder=$(mktemp -d)
subscriber=

finish() {
    [ -z "$subscriber" ] || kill "$subscriber" 2> "$folder/kill" || true
    rm -rf "$folder"
}
trap finish EXIT

subscribe() {
    url=$1
    mkfifo "$folder/events"
    curl -sSN --fail-with-body -D "$folder/head" "${json[@]}" -d "$2" "$url" > "$folder/events" &
    subscriber=$!
    exec 3< "$folder/events"
    next_event
}

# RecordIO: the length in decimal digits, a newline, so many bytes.
next_event() {
    local length
    read -r length <&3
    read -r -N "$length" event <&3
}

value() {
    [[ $event =~ \"$1\":(\{\"value\":)?\"([^\"]*)\" ]] && echo "${BASH_REMATCH[2]}"
}

# Every call of a scheduler but the first has the stream's id; executors have none.
call() {
    local stream
    stream=$(sed -n 's/^Mesos-Stream-Id: \([^\r]*\).*/\1/p' "$folder/head")
    curl -sS --fail-with-body "${json[@]}" ${stream:+-H "Mesos-Stream-Id: $stream"} -d "$1" "$url"
}
