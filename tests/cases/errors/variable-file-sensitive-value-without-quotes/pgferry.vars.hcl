shop_password = hunter2
pins          = [1, "hunter3"]
