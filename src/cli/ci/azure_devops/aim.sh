# A parameter has to have a value.
if [ "$TARGET" = none ]; then TARGET=; fi
if [ "$EXCLUDE" = none ]; then EXCLUDE=; fi
if [ "$RETRY" = none ]; then RETRY=; fi
# Addresses with spaces between them.
read -r -a targets <<< "$TARGET"
read -r -a excludes <<< "$EXCLUDE"
read -r -a retries <<< "$RETRY"
aim=("${targets[@]/#/--target=}" "${excludes[@]/#/--exclude=}" "${retries[@]/#/--retry=}")
