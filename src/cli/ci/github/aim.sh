# Addresses with spaces between them.
read -r -a targets <<< "$TARGET"
read -r -a excludes <<< "$EXCLUDE"
read -r -a retries <<< "$RETRY"
aim=("${targets[@]/#/--target=}" "${excludes[@]/#/--exclude=}" "${retries[@]/#/--retry=}")
