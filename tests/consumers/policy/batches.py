"""Policies of a company, as checkov takes them: one that every plan of the examples keeps, and one that none does."""
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class Validated(BaseResourceCheck):
    def __init__(self):
        super().__init__(
            name="A batch validates before it migrates",
            id="PGFERRY_1",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["database_batch"],
        )

    def scan_resource_conf(self, conf):
        return CheckResult.PASSED if conf.get("option") == ["ValidateAndMigrate"] else CheckResult.FAILED


class CutOverByHand(BaseResourceCheck):
    def __init__(self):
        super().__init__(
            name="A batch is cut over by a person",
            id="PGFERRY_2",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["database_batch"],
        )

    def scan_resource_conf(self, conf):
        return CheckResult.PASSED if conf.get("cutover") == ["manual"] else CheckResult.FAILED


validated = Validated()
cut_over_by_hand = CutOverByHand()
