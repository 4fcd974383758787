locals {
  a = "\u12G4"
}
