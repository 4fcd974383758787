source "x" { lifecycle { prevent_destroy = true } }
network "b" { name = "x"
}
