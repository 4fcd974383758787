azure { location = "westeurope" resource_group = "rg-data" }
