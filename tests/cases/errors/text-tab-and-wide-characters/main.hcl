locals {
	größe = "日本語"
	b     = "日本語 ${local.grösse}"
}
