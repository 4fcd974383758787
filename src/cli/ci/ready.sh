waiting='.migrations[] | select(.waits_for_person and .substate == "WaitingForCutoverTrigger")'
# shellcheck disable=SC2016
line='def code: "`" + gsub("[`\\s]+"; " ") + "`";
  "- " + (.address | code) + ": " + ([.databases[].name | code] | join(", "))
  + "; lag " + (if .lag_seconds == null then "unknown" else "\(.lag_seconds) s" end)
  + "; Azure gives it up " + (if .given_up_by == null then "at a time that is not known" else "by \(.given_up_by) at the latest" end)'
