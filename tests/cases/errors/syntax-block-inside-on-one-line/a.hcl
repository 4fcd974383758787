pgferry { state "local" { path = "x" } }
