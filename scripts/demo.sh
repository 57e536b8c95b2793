#!/bin/bash
# The demonstration: mirrors an account of a local stand-in for Dropbox, and shows what is done when it changes.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/dbxsync-demo.XXXXXX")
mirror=$work/mirror
log=$work/log
sandbox_pid='' daemon_pid='' command_pid=''

# clean_up STATUS: ends what runs, removes what was made; a failure shows what the daemon said last.
clean_up() {
    trap - EXIT
    trap '' INT TERM
    local pid
    for pid in $command_pid $daemon_pid; do
        kill "$pid" 2>/dev/null || continue
        for ((tries = 0; tries < 100; tries++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || :
    done
    [ -z "$sandbox_pid" ] || kill -KILL "$sandbox_pid" 2>/dev/null || :
    wait 2>/dev/null || :
    case $1 in
        0 | 130 | 143) ;;
        *)
            echo "The demonstration failed. The daemon's last words:" >&2
            [ ! -e "$log" ] || tail -n 20 "$log" >&2
            ;;
    esac
    rm -rf "$work"
    exit "$1"
}
trap 'clean_up $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m') over=$(printf '\r\033[K'); else bold='' plain='' over=''; fi
caption() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() { echo "demo: $*" >&2; exit 1; }
indented() { sed 's/^/    /'; }
dbxsync() { "$programs/dbxsync" "$@" --config "$work/dbxsync.conf"; }
account() { python3 -B scripts/sandbox.py "$url" "$@"; }
compare() { python3 -B scripts/compare.py "$mirror" "$url"; }

# In a session of its own, as below a service manager: Ctrl-C is for this script, which ends what it has started.
start_daemon() {
    setsid "$programs/dbxsync" run --config "$work/dbxsync.conf" 2>>"$log" &
    daemon_pid=$!
}

# status KEY...: a value of "status --json".
status() {
    { dbxsync status --json || :; } | python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]: value = (value or {}).get(key)
print("" if value is None else value)' "$@"
}

# Waits until everything is placed, and says how far it is.
watch() {
    local line last=''
    while kill -0 "$daemon_pid" 2>/dev/null; do
        line=$({ dbxsync status || :; } | sed -n 's/^ *daemon *running (PID [0-9]*), //p')
        if [ "$(status in_step)" = True ] && compare >/dev/null 2>&1; then
            printf '%s    in step\n' "$over"
            return
        fi
        case $line in placing* | listing* | removing*)
            if [ -n "$over" ]; then printf '%s    %s' "$over" "$line"; else [ "$line" = "$last" ] || echo "    $line"; fi ;;
        esac
        last=$line
        sleep 0.5
    done
    fail "the daemon has ended"
}

caption "Building (the first time takes some minutes)"
swift build
programs=$(swift build --show-bin-path)

caption "A stand-in for Dropbox, with an account of 2,000 files, on this machine, not too fast"
mkdir "$mirror" "$work/state" "$work/outbox"
setsid "$programs/dbxsync-sandbox" --seed 2000 --rate 250000 --port-file "$work/port" >"$work/sandbox.log" 2>&1 &
sandbox_pid=$!
while [ ! -s "$work/port" ]; do
    kill -0 "$sandbox_pid" 2>/dev/null || { cat "$work/sandbox.log"; fail "the sandbox did not start"; }
    sleep 0.1
done
url=http://127.0.0.1:$(cat "$work/port")
echo "    $url"

caption "The configuration: two keys are needed; the rest is for the demonstration"
cat >"$work/dbxsync.conf" <<END
[account]
app_key = "sandboxappkey00"
endpoint = "$url"                 # the stand-in
credentials = "$work/state/credentials.json"

[mirror]
directory = "$mirror"
min_free_space = "0"

[state]
directory = "$work/state"

[outbox]                          # what is put in there goes up
directory = "$work/outbox"
remote_folder = "/Results"
settle = "500ms"

[on_change.summary]               # runs when the mirror has changed
command = ["$work/summary"]
settle = "500ms"
events = ["file_placed"]
END
indented <"$work/dbxsync.conf"
dbxsync check-config >/dev/null
echo "    check-config: nothing wrong with it"

caption "dbxsync auth: the page that it names gives a code, the code a sign-in"
verifier=$(head -c 48 /dev/urandom | base64 -w 0 | tr '+/' '-_')
page=$(dbxsync auth --verifier "$verifier" </dev/null 2>/dev/null || :)
dbxsync auth --code "$(account code "$page")" --verifier "$verifier" | indented

caption "dbxsync run: the first mirror"
start_daemon
watch
compare | indented

caption "Somebody changes things in the account: adds, edits, renames a folder, deletes"
# The folder with the most files, another one, and some files outside both.
read -r renamed deleted < <(account files | awk -F / 'NF == 3 { count[$2]++ } END { for (name in count) print count[name], name }' |
    sort -rn | awk '{ sub(/^[0-9]+ /, ""); gsub(/ /, "?"); print }' | head -n 2 | xargs)
renamed=${renamed//\?/ } deleted=${deleted//\?/ }
mapfile -t others < <(account files | grep -v -e "^/$renamed/" -e "^/$deleted/")
before=$(wc -l <"$log")
for name in 'Notes of today.txt' 'Größe.bin' 'new folder/first.txt'; do account put "/$name" 3000; echo "    added    /$name"; done
for path in "${others[@]:0:3}"; do account put "$path" 5000; echo "    edited   $path"; done
account move "/$renamed" "/$renamed, renamed"
echo "    renamed  /$renamed to /$renamed, renamed"
account delete "/$deleted"
echo "    deleted  /$deleted"
account delete "${others[3]}"
echo "    deleted  ${others[3]}"
caption "Dropbox reports changes at once; what the daemon says (but for a line for each file moved or removed):"
watch
tail -n +$((before + 1)) "$log" | cut -d ' ' -f 2- | grep -v ': renamed to \|: removed$\|: folder \| 0 removed\|1 file placed, 1 of' | indented

caption "dbxsync status"
dbxsync status | indented

caption "dbxsync history: what that was, the last ten changes of it"
dbxsync history --limit 10 | indented

caption "A file appears in Dropbox, a command works on it, the outbox carries the result back. The command:"
cat >"$work/summary" <<'END'
#!/usr/bin/env python3
import json, os, sys

for line in sys.stdin:
    path = json.loads(line)["path"]
    if path.startswith("/Inbox/"):
        with open(os.environ["DBXSYNC_MIRROR"] + path, "rb") as file:
            size = len(file.read())
        with open(os.path.dirname(sys.argv[0]) + "/outbox/" + os.path.basename(path) + ".summary", "w") as result:
            result.write(f"{path} has {size} bytes\n")
END
chmod +x "$work/summary"
indented <"$work/summary"
touch "$work/command.log"
setsid "$programs/dbxsync" run-on-change summary --config "$work/dbxsync.conf" 2>>"$work/command.log" &
command_pid=$!
until grep -q 'runs for the first time' "$work/command.log"; do
    kill -0 "$command_pid" 2>/dev/null || { cat "$work/command.log"; fail "run-on-change did not start"; }
    sleep 0.1
done
account put '/Inbox/today.txt' 1234
echo "    added    /Inbox/today.txt"
until account files | grep -x '/Results/today.txt.summary' >/dev/null; do
    kill -0 "$command_pid" 2>/dev/null || { cat "$work/command.log"; fail "run-on-change has ended"; }
    sleep 0.1
done
watch
echo "    came up  /Results/today.txt.summary, and into the mirror: $(cat "$mirror/Results/today.txt.summary")"
dbxsync history /Inbox --json | indented
kill -TERM "$command_pid"
wait "$command_pid" || fail "run-on-change ended with $?"
command_pid=''

caption "kill -9 in the middle of a download of 40 MB, and a new start"
account rate 4000000
account put /film.mov 40000000
received() { find "$mirror/.dbxsync/staging" -type f -printf '%s\n' 2>/dev/null | sort -n | tail -n 1; }
while size=$(received) && [ "${size:-0}" -lt 15000000 ]; do
    kill -0 "$daemon_pid" || fail "the daemon has ended"
    [ ! -e "$mirror/film.mov" ] || fail "the download was too fast to be interrupted"
    sleep 0.1
done
kill -KILL "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || :
daemon_pid=''
[ ! -e "$mirror/film.mov" ] || fail "half a file stands under its name"
size=$(received)
echo "    killed with $((size / 1000000)) of 40 MB received; there is no film.mov in the mirror"
start_daemon
watch
range=$(curl --silent --noproxy '*' "$url/sandbox/log" | grep -o '"range": *"bytes=[0-9]*-' | tail -n 1 | tr -dc 0-9)
echo "    it asked for the rest only, from byte ${range:-0} on"

caption "SIGTERM"
kill -TERM "$daemon_pid"
code=0
wait "$daemon_pid" || code=$?
daemon_pid=''
[ "$code" = 0 ] || fail "the daemon ended with $code"
echo "    ended with exit code 0"

caption "Mirror and account, compared by a program that shares nothing with dbxsync"
compare | indented

caption "That was all. Nothing is left running, nothing is left behind."
