azure {
  tags {
    team = "data"
  }
}
