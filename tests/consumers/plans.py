"""Makes plans of every sort, each in all its renderings, in the folder that is named: what the other programs here read."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PGFERRY = ROOT / "target" / "debug" / "pgferry"
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")

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
        passwords = {"PGFERRY_VAR_shop_password": "quack", "PGFERRY_VAR_target_password": "quack"}
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "TZ": "UTC"} | passwords
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


@contextlib.contextmanager
def server():
    """A PostgreSQL server of its own, which ends with the block; where it listens. It refuses to run as root."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = None if pwd.getpwuid(os.getuid()).pw_name != "root" else "postgres"
    with tempfile.TemporaryDirectory(prefix="pgferry-consumers-") as home:
        if user:
            shutil.chown(home, user)
        run = {"check": True, "user": user, "cwd": home, "stdout": subprocess.DEVNULL, "env": {"PATH": "/usr/bin:/bin"}}
        subprocess.run([POSTGRES / "initdb", "-D", f"{home}/data", "-U", "admin", "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c wal_level=logical"
        subprocess.run([POSTGRES / "pg_ctl", "-D", f"{home}/data", "-o", options, "-l", f"{home}/log", "-w", "start"], **run)
        try:
            yield port
        finally:
            subprocess.run([POSTGRES / "pg_ctl", "-D", f"{home}/data", "-m", "immediate", "stop"], **run)


def sql(port, database, text):
    command = [POSTGRES / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "admin", "-d", database]
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def of_servers(folder):
    """What two real servers are told to have and to lack, under names that a report must not be broken by."""
    with server() as source, server() as target:
        for port in (source, target):
            sql(port, "postgres", "create database shop")
            sql(port, "shop", "".join(f"create table {quoted(name)} (at text primary key, what int); insert into {quoted(name)} "
                                      f"values ('a', 1), ($x${name}$x$, 2);" for name in ODD))
        sql(source, "shop", "create table only_there (at int); create function f() returns int language sql as 'select 1'")
        sql(target, "shop", "".join(f"update {quoted(name)} set what = 3 where what = 2;" for name in ODD))
        servers = Project(folder, "servers", "minimal")
        for before, port in (('  ssl_mode = "require"', source), ("  admin_password = var.target_password", target)):
            connect = f'\n\n  connect {{\n    host     = "127.0.0.1"\n    port     = {port}\n    ssl_mode = "disable"\n  }}'
            servers.edit(before, before + connect)
        servers.edit('"migrator"', '"admin"')
        servers.edit('"pgadmin"', '"admin"')
        for command in ("preflight", "verify"):
            out = servers.out / command
            servers.run(command, f"--sarif={out}.sarif", f"--junit={out}.xml", expect=(7,))
        told = (servers.out / "verify.sarif").read_text() + (servers.out / "verify.xml").read_text()
        assert told.count("V031") >= 2 * len(ODD) and told.count("V010") >= 2, told


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

    of_servers(folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
