variable "ephemeral" {
  type      = string
  default   = "x"
  ephemeral = true
}

variable "ephemeral_secret" {
  type      = string
  default   = "y"
  ephemeral = true
  sensitive = true
}

variable "ephemeral_list" {
  type      = list(string)
  default   = ["a"]
  ephemeral = true
}
