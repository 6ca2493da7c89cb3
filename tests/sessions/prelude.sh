# What sessions have beside kubectl. Nothing here waits for a time: all for a condition, at most 30 seconds.

# eventually COMMAND…: again until it succeeds, and then what it said.
eventually() {
  local end=$((SECONDS + 30))
  until out=$("$@" 2>&1); do
    [ $SECONDS -lt $end ] || { echo "not within 30 s: $out"; return 1; }
    sleep 0.1
  done
  echo "$out"
}

# forwarded TARGET PORT [PATH]: what is answered to a GET through kubectl port-forward.
forwarded() {
  local said pid local_port
  said=$(mktemp)
  kubectl port-forward "$1" ":$2" >"$said" 2>&1 &
  pid=$!
  eventually grep -q '127.0.0.1:' "$said" >/dev/null
  local_port=$(sed -n 's/.*127.0.0.1:\([0-9]*\).*/\1/p' "$said" | head -1)
  curl -s "http://127.0.0.1:$local_port/${3:-}"
  echo
  kill $pid
  wait $pid 2>/dev/null
  cat "$said" | grep -v '^Handling' | grep -v '::1'
  rm "$said"
}

# at_terminal COMMAND…: with a terminal of 24 by 80.
at_terminal() {
  local words
  printf -v words '%q ' "$@"
  script -qec "stty rows 24 cols 80; $words" /dev/null </dev/null | tr -d '\r' | sed 's/^\^@//'
  return "${PIPESTATUS[0]}"
}
