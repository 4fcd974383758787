"""Reports by their published forms: SARIF by its schema and by Microsoft's reader with GitHub's rules, JUnit by the schema that
Jenkins reads it by, drawings as XML."""
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
from lxml import etree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMAS = ROOT / "schemas" / "third-party"


def main(folder, multitool):
    schema = jsonschema.Draft7Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
    sarifs = sorted(folder.glob("*/*.sarif"))
    wrong = []
    for path in sarifs:
        wrong += [f"{path}: {error.json_path}: {error.message}" for error in schema.iter_errors(json.loads(path.read_text()))]
    findings = folder / "findings.sarif"
    findings.unlink(missing_ok=True)
    command = [multitool, "validate", *sarifs, "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--output", findings, "--quiet"]
    subprocess.run(command, env=os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}, check=False)
    for result in json.loads(findings.read_text())["runs"][0].get("results", []):
        if result["ruleId"] == "SARIF2005":
            # pgferry has no page of its own to name.
            continue
        where = result["locations"][0]["physicalLocation"]
        message = result["message"]
        said = message.get("text") or [message.get("id"), *message.get("arguments", [])]
        wrong.append(f"{where['artifactLocation'].get('uri')}:{where.get('region', {}).get('startLine')}: {result['ruleId']} {said}")

    form = etree.XMLSchema(etree.parse(SCHEMAS / "junit-10.xsd"))
    junits = sorted(folder.glob("*/*.xml"))
    for path in junits:
        document = etree.parse(path)
        if not form.validate(document):
            wrong += [f"{path}: {error.line}: {error.message}" for error in form.error_log]
        for suite in document.iter("testsuite"):
            cases = len(suite.findall("testcase"))
            failures = len(suite.findall("testcase/failure"))
            if (suite.get("tests"), suite.get("failures")) != (str(cases), str(failures)):
                wrong.append(f"{path}: suite {suite.get('name')} has {cases} cases and {failures} failures, and says otherwise")

    svgs = sorted(folder.glob("*/*.svg"))
    for path in svgs:
        root = etree.parse(path).getroot()
        if root.tag != "{http://www.w3.org/2000/svg}svg":
            wrong.append(f"{path}: it is no drawing")

    if not (sarifs and junits and svgs):
        wrong.append("there is nothing to read")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(sarifs)} SARIF, {len(junits)} JUnit reports and {len(svgs)} drawings are as published")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
