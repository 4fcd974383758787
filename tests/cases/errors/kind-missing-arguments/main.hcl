source "erp" {
}
target "erp" {
}
vnet_peering "x" {
}
