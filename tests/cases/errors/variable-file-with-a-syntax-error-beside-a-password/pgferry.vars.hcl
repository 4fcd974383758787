erp_password = "hunter2
