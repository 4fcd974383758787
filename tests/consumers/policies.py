"""Plans read by checkov, as it reads Terraform's: of two policies of a company one passes and one fails, on every batch."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main(folder, checkov):
    for name in ("first/plan.json", "first/shown.json", "odd/plan.json"):
        plan = json.loads((folder / name).read_text())
        batches = {change["address"] for change in plan["resource_changes"] if change["type"] == "database_batch"}
        command = [checkov, "--file", folder / name, "--framework", "terraform_plan", "--external-checks-dir", HERE / "policy",
                   "--check", "PGFERRY_1,PGFERRY_2", "--output", "json", "--soft-fail"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = json.loads(done.stdout)
        if "results" not in told:
            sys.exit(f"checkov found nothing to judge in {name}: {done.stdout}{done.stderr}")
        results = told["results"]
        judged = {(check["check_id"], check["resource"]) for check in results["passed_checks"]}
        refused = {(check["check_id"], check["resource"]) for check in results["failed_checks"]}
        expected = {("PGFERRY_1", batch) for batch in batches}, {("PGFERRY_2", batch) for batch in batches}
        if not batches or (judged, refused) != expected:
            sys.exit(f"checkov judged {name} otherwise: passed {judged}, failed {refused}, expected {expected}")
        if results["parsing_errors"]:
            sys.exit(f"checkov cannot read {name}: {results['parsing_errors']}")
        print(f"checkov: {name}: {len(batches)} batches judged by both policies")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
