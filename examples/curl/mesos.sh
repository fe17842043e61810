# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The v1 APIs with curl and bash, for the examples beside it. Source it, then:
#
#     subscribe URL CALL    begins the stream of events
#     next_event            reads the next one into $event
#     value NAME            the first member NAME of $event: a string, or {"value": string}
#     call CALL             makes another call
#     run_task MASTER TASK  is a whole scheduler: runs one task with these further members of TaskInfo
export LC_ALL=C
json=(-H 'Content-Type: application/json' -H 'Accept: application/json')
resources='[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]'
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

run_task() {
    local framework agent='' state healthy
    subscribe "http://$1/api/v1/scheduler" '{"type":"SUBSCRIBE","subscribe":{"framework_info":{
      "user":"'"$(id -un)"'","name":"curl","roles":["*"],
      "capabilities":[{"type":"MULTI_ROLE"}]}}}'
    framework=$(value framework_id)
    while next_event; do
        case $(value type) in
        OFFERS)
            [ -z "$agent" ] || continue
            agent=$(value agent_id)
            [[ $event =~ \"id\":\{\"value\":\"([^\"]*)\" ]]
            call '{"type":"ACCEPT","framework_id":{"value":"'"$framework"'"},"accept":{
              "offer_ids":[{"value":"'"${BASH_REMATCH[1]}"'"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{
                "name":"task","task_id":{"value":"task"},"agent_id":{"value":"'"$agent"'"},
                "resources":'"$resources"','"$2"'}]}}]}}'
            ;;
        UPDATE)
            state=$(value state)
            healthy=$(grep -o '"healthy":[a-z]*' <<< "$event" || true)
            echo "$state${healthy:+ $healthy}"
            call '{"type":"ACKNOWLEDGE","framework_id":{"value":"'"$framework"'"},"acknowledge":{
              "agent_id":{"value":"'"$(value agent_id)"'"},"task_id":{"value":"task"},"uuid":"'"$(value uuid)"'"}}'
            case $state in
            TASK_STARTING | TASK_RUNNING) ;;
            *) break ;;
            esac
            ;;
        esac
    done
    call '{"type":"TEARDOWN","framework_id":{"value":"'"$framework"'"}}'
    [ "$state" = TASK_FINISHED ]
}
