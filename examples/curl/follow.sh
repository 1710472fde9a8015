#!/usr/bin/env bash
# Follows the statuses of a project with bash (4.4 or newer) and curl (7.84), and prints one line per event, as it came.
#
#     follow.sh [SLUG [BASE]] [--until N]
#
# What goes over the wire is in docs/API.md, "Stream".
set -u

words=() until=0
while (($#)); do
    case $1 in
    --until) until=${2-} && shift ;;
    *) words+=("$1") ;;
    esac
    shift
done
slug=${words[0]-harbour-tower} base=${words[1]-${PUBLIC_URL-http://127.0.0.1:8080}}
if ((${#words[@]} > 2)) || ! [[ $until =~ ^(0|[1-9][0-9]{0,8})$ && $slug =~ ^[a-z0-9-]+$ && $base =~ ^https?:// ]]; then
    echo 'follow.sh [SLUG [BASE]] [--until N], BASE as in http://127.0.0.1:8080' >&2
    exit 2
fi
address=${base%/}/api/public/$slug/status
id='' failures=0 changes=-1 child=''

trap '[[ -z $child ]] || kill "$child" 2>/dev/null' EXIT
trap 'exit 0' INT TERM

# The present state, once. A stream begins with it, too.
status() {
    local body
    body=$(curl --silent --fail --max-time 30 "$address") && echo "status $body"
}

# One event. The id counts from now on: what was cut off before here comes again.
take() {
    id=$next
    case $name in
    connected) failures=0 && echo connected >&2 ;;
    ping) ;;
    closed)
        echo "closed $data" >&2
        [[ $data == *'"draining"'* ]] || exit 1
        ;;
    *) echo "$name $data" ;;
    esac
    # The first whole state changes nothing, there was none before.
    if [[ $name == status_update || ($name == bulk_update && $changes -ge 0) ]]; then ((changes += 1)); fi
    if ((until > 0 && changes >= until)); then
        status
        exit
    fi
}

# What curl writes behind the stream begins with a comment: a line that was cut off stays one, and ends no event.
# The server speaks every 30 s (PING_SECONDS); three times that without a word is a dead connection.
stream() {
    exec curl --silent --no-buffer --fail --connect-timeout 10 --speed-limit 1 --speed-time 95 \
        --header 'Accept: text/event-stream' ${id:+--header "Last-Event-ID: $id"} \
        --write-out ':\nhttp:%{http_code}:%header{retry-after}:%{errormsg}\n' "$address/stream"
}

status
while :; do
    name='' data='' next=$id retry=0 code=000 after='' why=''
    exec 3< <(stream)
    child=$!
    # Lines end with LF here, or CR LF. A value is what follows the colon and one space.
    while IFS= read -r line <&3; do
        line=${line%$'\r'}
        value=${line#*:}
        value=${value# }
        case $line in
        event:*) name=$value ;;
        data:*) data+=$value ;; # JSON has no line breaks inside of its words
        id:*) next=$value ;;
        retry:*) [[ $value =~ ^[1-9][0-9]{0,8}$ ]] && retry=$value ;;
        http:*) IFS=: read -r code after why <<<"$value" ;;
        '')
            [[ -z $data ]] || take
            name='' data=''
            ;;
        esac
    done
    exec 3<&-
    wait "$child"
    child=''
    if [[ $code == 404 ]]; then
        echo "no such project: $address/stream answers 404" >&2
        exit 1
    fi
    [[ $after =~ ^[1-9][0-9]{0,5}$ ]] && retry=$((after * 1000))
    # Whatever many clients do at once is spread: a server that comes back must not be trampled.
    ceiling=$((4000 << failures)) && ((ceiling <= 30000)) || ceiling=30000
    ((failures < 3)) && ((failures += 1))
    pause=$((2000 + RANDOM * (ceiling - 2000) / 32768))
    ((pause >= retry)) || pause=$retry
    printf -v pause '%d.%03d' $((pause / 1000)) $((pause % 1000))
    echo "HTTP $code: ${why:-the stream ended}; again in $pause s" >&2
    sleep "$pause" &
    child=$!
    wait "$child"
done
