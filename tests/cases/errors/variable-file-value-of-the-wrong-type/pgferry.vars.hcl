ports = { a = 1 }
