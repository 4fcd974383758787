variable "ports" {
  type    = list(number)
  default = ["a"]
}
variable "servers" {
  type = map(object({
    host = string
    port = optional(number, 5432)
  }))
  default = {
    erp = { host = "a", port = "x" }
    crm = { prot = 1 }
  }
}
