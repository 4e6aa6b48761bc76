#!/bin/sh
# Memory with nothing but curl. Run it twice: the second run is answered at once from what was said in the first.
set -eu
server=${OMOIDE_URL:-http://localhost:8000}
workspace=$server/v3/workspaces/curl-example
talk=talk-$(date +%s) # a session: one conversation

get() { # get URL [CURL OPTION...]: print the response
    curl --silent --show-error --fail-with-body "$@"
    echo
}

post() { # post URL JSON
    get "$1" --header 'Content-Type: application/json' --data "$2"
}

settled() { # whether everything said so far has been worked out
    status=$(get "$workspace/queue/status") || exit
    ! echo "$status" | grep -qE '"(pending|in_progress)_work_units": *[1-9]'
}

post "$server/v3/workspaces" '{"id": "curl-example"}' > /dev/null
post "$workspace/peers" '{"id": "alice"}' > /dev/null
# Nothing is to be concluded about the assistant.
post "$workspace/peers" '{"id": "assistant", "configuration": {"observe_me": false}}' > /dev/null

echo 'What is known of Alice before this conversation:'
post "$workspace/peers/alice/chat" '{"query": "Where does Alice live?"}'

post "$workspace/sessions" "{\"id\": \"$talk\"}" > /dev/null
post "$workspace/sessions/$talk/messages" '{"messages": [
    {"peer_id": "alice", "content": "Hi! I moved to Lisbon with my dog Rex."},
    {"peer_id": "assistant", "content": "Nice! What do you do there?"},
    {"peer_id": "alice", "content": "I work as a nurse, mostly at night."}
]}' > /dev/null

echo 'Waiting until the conversation has been worked out (some five seconds) ...'
until settled; do sleep 0.2; done

echo 'What is known now, as an answer, as a card, and as context for a prompt:'
post "$workspace/peers/alice/chat" '{"query": "Where does Alice live?"}'
get "$workspace/peers/alice/card"
get "$workspace/peers/alice/context" --get --data-urlencode 'search_query=What is her job?'
echo 'What was said about pets, in any conversation:'
post "$workspace/search" '{"query": "Does she have a pet?", "limit": 1}'
