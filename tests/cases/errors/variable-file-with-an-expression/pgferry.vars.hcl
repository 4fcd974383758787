region = var.other
other  = file("x")
