"""Makes plans of every sort, each in all its renderings, in the folder that is named: what the other programs here read."""
import json
import pathlib
import shutil
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PGFERRY = ROOT / "target" / "debug" / "pgferry"

# Names that mean something in Markdown, HTML, XML, Mermaid or a workflow's log, where a configuration is free to use them.
ODD = [
    "a|b", "`code` ``two``", "**bold** _it_ ~~no~~", "<script>alert(1)</script>", "</details></pre></svg>", "]]> <!-- --> &amp;",
    "[x](http://example.invalid/) ![y](http://example.invalid/z.png)", "@team #12 https://example.invalid/", "a\\|b \\", "# heading",
    "end; A[\"x\"] --> B %% c", ":colon, comma: {brace}", "::error::%0A##vso[task.complete]", "Grüße 数据库 🐘", "-->|x|", "\u202eright-to-left",
]


def of_odd_names():
    names = ", ".join(json.dumps(name, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{") for name in ODD)
    return f"""
locals {{
  odd = [{names}]
}}

dns_zone "odd" {{
  for_each = toset(local.odd)
  name     = "z${{index(local.odd, each.key)}}.example.net"
}}

dns_link "odd" {{
  for_each = toset(local.odd)
  zone     = dns_zone.odd[each.key]
  networks = [network.onprem_hub, network.target]
}}

output "odd" {{
  value = local.odd
}}

check "odd" {{
  assert {{
    condition     = length(local.odd) == 0
    error_message = join("\\n", local.odd)
  }}
}}
"""


class Project:
    def __init__(self, folder, name, example="quickstart"):
        self.out = folder / name
        self.out.mkdir(parents=True)
        self.home = folder / "projects" / name
        shutil.copytree(ROOT / "examples" / example, self.home, ignore=shutil.ignore_patterns(".pgferry"))
        world = json.loads((self.home / "world.json").read_text())
        world["clock"] = "event"
        (self.home / "world.json").write_text(json.dumps(world))

    def run(self, *arguments, expect=(0,)):
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "TZ": "UTC"}
        done = subprocess.run([PGFERRY, "-C", self.home, *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in expect:
            sys.exit(f"{arguments} of {self.out.name} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def edit(self, before, after):
        main = self.home / "main.hcl"
        text = main.read_text()
        assert before in text, before
        main.write_text(text.replace(before, after))

    def append(self, more):
        with (self.home / "main.hcl").open("a") as main:
            main.write(more)

    def arm(self, method, path, body=None):
        """Somebody else calls Azure."""
        port = json.loads((self.home / ".pgferry" / "simulator.json").read_text())["port"]
        base = f"http://127.0.0.1:{port}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        form = b"grant_type=client_credentials&client_id=other&client_secret=other&scope=https://management.azure.com/.default"
        login = f"{base}/00000000-0000-4000-8000-00000000aaaa/oauth2/v2.0/token"
        token = json.load(opener.open(urllib.request.Request(login, form)))["access_token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return json.load(opener.open(urllib.request.Request(base + path, data, headers, method=method)))

    def rendered(self, *flags, expect=(0,)):
        """The plan in every form. What is refused is rendered, too, and kept in no file."""
        out = self.out
        renderings = [f"--json={out}/plan.json", f"--markdown={out}/plan.md", f"--sarif={out}/plan.sarif", f"--junit={out}/plan.xml",
                      f"--html={out}/plan.html"]
        (out / "plan.txt").write_text(self.run("plan", *flags, *renderings, f"--out={out}/kept.plan", expect=expect))
        self.run("plan", *flags, f"--markdown={out}/short.md", "--max-bytes=4096", expect=expect)
        if not (out / "kept.plan").exists():
            return
        (out / "shown.json").write_text(self.run("show", f"{out}/kept.plan", "--json"))
        for form in ("dot", "mermaid", "svg", "html"):
            for by in ("step", "unit", "resource") if form != "html" else ("step",):
                drawn = self.run("graph", f"{out}/kept.plan", "--format", form, "--by", by)
                (out / f"graph-{by}.{form}").write_text(drawn)


def main(folder):
    first = Project(folder, "first")
    first.rendered()
    first.run("apply", "--auto-approve")

    nothing = Project(folder, "nothing")
    nothing.run("apply", "--auto-approve")
    nothing.rendered()

    changes = Project(folder, "changes")
    changes.run("apply", "--auto-approve")
    changes.edit("allow_gateway_transit = true", "allow_gateway_transit = false")
    changes.edit('"ticketdb", "timedb"', '"ticketdb", "newdb", "timedb"')
    changes.edit("networks = [network.runtime, network.target]", "networks = [network.runtime]")
    changes.edit('policy = "automatic"', 'policy = "manual"')
    changes.rendered()

    loss = Project(folder, "loss")
    loss.run("apply", "--auto-approve")
    loss.edit('mode           = "online"', 'mode           = "online"\n  generation     = 2')
    loss.rendered(expect=(0, 1, 7))

    drift = Project(folder, "drift")
    drift.run("apply", "--auto-approve")
    peering = ("/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network"
               "/virtualNetworks/vnet-hub/virtualNetworkPeerings/vnet-hub-to-vnet-runtime?api-version=2024-07-01")
    drift.run("simulator", "world")
    body = drift.arm("GET", peering)
    body["properties"]["allowGatewayTransit"] = False
    drift.arm("PUT", peering, {"properties": body["properties"]})
    drift.rendered()

    odd = Project(folder, "odd")
    (odd.out / "odd.json").write_text(json.dumps(ODD))
    odd.append(of_odd_names())
    odd.rendered(expect=(7,))

    away = Project(folder, "away")
    away.run("apply", "--auto-approve")
    away.rendered("--destroy", expect=(0, 1, 7))

    wrong = Project(folder, "wrong")
    wrong.edit("mode           =", "mdoe           =")
    wrong.run("plan", f"--sarif={wrong.out}/plan.sarif", f"--json={wrong.out}/plan.json", expect=(1,))

    # Nobody answers there: every rule is skipped, and says why.
    unreachable = Project(folder, "unreachable", "minimal")
    nobody = '\n\n  connect {\n    host = "127.0.0.1"\n    port = 9\n  }'
    unreachable.edit('ssl_mode = "require"', f'ssl_mode = "require"{nobody}')
    unreachable.edit("admin_password = var.target_password", f"admin_password = var.target_password{nobody}")
    unreachable.run("preflight", f"--sarif={unreachable.out}/preflight.sarif", f"--junit={unreachable.out}/preflight.xml",
                    expect=(0, 1, 7))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
