network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
  lifecycle {
    prevent_destory       = true
    create_before_destroy = true
    ignore_changes        = all
  }
}
