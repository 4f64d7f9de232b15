"""What is shipped beside the program names settings, ports and commands that there are."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_sim.cli import main as simulator
from gateway.cli.entry import parser
from gateway.config import Settings
from gateway.config.loading import settings_from
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.recording.archive import LAST_LOOK

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
BIN = Path(sys.executable).parent

Document = Any  # YAML by nature

#: Seconds that a node takes at most until it has drained, by the settings' defaults.
DRAIN = (
    (Settings().http.drain + 2)
    + (SAFE_STATE_LIMIT + 1)
    + (SAFE_STATE_LIMIT + 5)
    + Settings().node.drain
    + LAST_LOOK
    + 5
)

PORTS = {Settings().http.port, Settings().link.port}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settings_of(environment: Mapping[str, str], file: str = "") -> Settings:
    """Return the settings that a container would have; unknown ones raise."""
    return settings_from(tomllib.loads(file), environment)


def interpolated(values: Mapping[str, str]) -> dict[str, str]:
    """Return an environment as compose makes it, the secrets filled in."""
    return {name: re.sub(r"\$\{[^}]*\}", "secret", str(value)) for name, value in values.items()}


# ------------------------------------------------------------------------- the example


def test_the_example_can_be_used() -> None:
    settings = settings_of({}, read("packaging/gateway.toml"))
    assert settings.link.tls_elsewhere


def test_what_is_commented_out_shows_the_defaults() -> None:
    defaults, checked, section = Settings(), 0, ""
    for line in read("packaging/gateway.toml").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        shown = re.fullmatch(r"# (\w+ = .+?)(   \(no default\))?", line)
        if shown is None:
            continue
        ((name, value),) = tomllib.loads(shown[1]).items()
        default = getattr(getattr(defaults, section), name)
        if shown[2]:
            assert default is None or default != value, line
            continue
        assert default == value, line
        checked += 1
    assert checked > 15


# ------------------------------------------------------------------------- the image


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions: word and the rest, continued lines joined."""
    text = re.sub(r"^#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.strip().partition(" ") for line in text.splitlines() if line.strip())
    return [(word, rest.strip()) for word, _, rest in lines]


def last(word: str) -> str:
    return [rest for name, rest in instructions() if name == word][-1]


def test_the_image_is_made_of_what_there_is() -> None:
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert "requirements/runtime.txt" in sources
    let_in = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    assert {source.removeprefix("./") for source in sources} == let_in
    for source in sources:
        assert (ROOT / source).exists(), source
    packages = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]
    assert set(packages["wheel"]["packages"]) <= let_in
    assert any("--require-hashes" in rest for word, rest in instructions() if word == "RUN")


def test_the_image_runs_as_nobody_and_says_how_it_is() -> None:
    assert last("USER").partition(":")[0].isdigit()
    assert {int(port) for port in last("EXPOSE").split()} == PORTS
    environment = dict(pair.split("=", 1) for pair in last("ENV").split())
    settings = settings_of({**environment, "GATEWAY_LINK_TLS_ELSEWHERE": "true"})
    assert str(settings.data.directory) == last("VOLUME")
    assert environment["HEALTH_URL"].endswith(f":{settings.http.port}/healthz")
    check = re.search(r'CMD \["python", "-c", "(.*)"\]', last("HEALTHCHECK"))
    assert check is not None
    compile(check[1], "HEALTHCHECK", "exec")
    assert last("ENTRYPOINT") == '["gateway"]'
    assert callable(parser().parse_args(yaml.safe_load(last("CMD"))).command)


# ------------------------------------------------------------------------- compose


@pytest.fixture(scope="module")
def compose() -> Document:
    return yaml.safe_load(read("compose.yaml"))


def test_both_nodes_have_settings_that_are_taken(compose: Document) -> None:
    for name in ("gateway-1", "gateway-2"):
        node = compose["services"][name]
        environment = interpolated(node["environment"])
        settings = settings_of({**environment, "GATEWAY_LINK_HOST": "0.0.0.0"})
        assert (settings.node.name, settings.node.advertise) == (name, name)
        assert settings.bus.url is not None
        assert settings.database_url.startswith("postgresql+psycopg://")
        assert float(node["stop_grace_period"].removesuffix("s")) >= DRAIN
    one, other = (compose["services"][f"gateway-{number}"]["volumes"] for number in (1, 2))
    shared = {volume.partition(":")[2] for volume in set(one) & set(other)}
    data = Path(settings_of({}, read("packaging/gateway.toml")).data.directory)
    assert shared == {
        str(data / "images"),
        str(data / "descriptions"),
        compose["x-settings"]["GATEWAY_FILES_DIRECTORY"],
    }
    # Made in the image, whose user they belong to then.
    assert all(folder in " ".join(rest for _, rest in instructions()) for folder in shared)


def test_services_wait_for_what_they_need_and_are_pinned(compose: Document) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert not service.get("image", "x:latest").endswith(":latest") or "build" in service, name
        for other in service.get("depends_on", {}):
            assert other in services
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            known = (ROOT / source).exists() if "/" in source else source in compose["volumes"]
            assert known, volume


def test_the_fleet_is_called_as_it_can_be(compose: Document) -> None:
    fleet = compose["services"]["fleet"]
    assert fleet["entrypoint"] == ["firmware-sim"]
    with pytest.raises(SystemExit) as ended:
        simulator([*fleet["command"], "--help"])
    assert ended.value.code == 0


def test_the_balancer_leads_to_the_nodes(compose: Document) -> None:
    text = read("packaging/compose/nginx.conf")
    servers = set(re.findall(r"server ([\w-]+):(\d+) ", text))
    nodes = {name for name in compose["services"] if name.startswith("gateway-")}
    assert servers == {(name, str(port)) for name in nodes for port in PORTS}
    listening = set(re.findall(r"listen (\d+) ssl", text))
    assert listening == {one.partition(":")[2] for one in compose["services"]["balancer"]["ports"]}
    seconds = re.search(r"proxy_timeout (\d+)s", text)
    assert seconds is not None
    assert int(seconds[1]) > 3 * Settings().link.idle_ping_interval


@pytest.mark.slow
@pytest.mark.process
def test_nginx_takes_the_balancers_configuration(tmp_path: Path) -> None:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian: nginx-light, libnginx-mod-stream)")
    make_certificate(tmp_path)
    text = read("packaging/compose/nginx.conf")
    text = re.sub(r"server gateway-\d:", "server 127.0.0.1:", text)
    text = text.replace("/etc/nginx/made", str(tmp_path)).replace(
        "/tmp/nginx.pid", f"{tmp_path}/pid"
    )
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    if module.exists():  # Debian's; others have it built in
        text = f"load_module {module};\n{text}"
    (tmp_path / "nginx.conf").write_text(text)
    checked = run(program, "-t", "-c", str(tmp_path / "nginx.conf"), "-e", f"{tmp_path}/errors")
    assert checked.returncode == 0, checked.stderr


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def make_certificate(folder: Path) -> None:
    made = run(
        sys.executable,
        str(PACKAGING / "compose/certificate.py"),
        str(folder),
        "balancer",
        "localhost",
    )
    assert made.returncode == 0, made.stderr


@pytest.mark.long
@pytest.mark.process
def test_what_compose_needs_is_made_once(tmp_path: Path) -> None:
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PLACE": str(tmp_path),
        "OWNER": f"{os.getuid()}:{os.getgid()}",
        "CONNECTORS": "2",
        "GATEWAY_DATA_DIRECTORY": str(tmp_path / "data"),
    }
    script = str(PACKAGING / "compose/furnish.sh")
    first = run("sh", script, **environment)
    assert first.returncode == 0, first.stderr
    context = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "private_key.pem")
    assert (tmp_path / "private_key.pem").stat().st_mode & 0o077 == 0
    roster = (tmp_path / "roster.json").read_bytes()
    assert roster.count(b"wss://balancer:8443/link/v1") == 2
    assert run("sh", script, **environment).returncode == 0
    assert (tmp_path / "roster.json").read_bytes() == roster


# ------------------------------------------------------------------------- systemd


def unit(name: str) -> configparser.SectionProxy:
    found = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes="#")
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(PACKAGING / "systemd" / name)
    return found["Service"]


@pytest.mark.parametrize("name", ["gateway.service", "connector.service"])
def test_units_give_no_more_than_is_needed(name: str) -> None:
    service = unit(name)
    for setting in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
        assert service[setting] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["User"] != "root"


def test_units_call_what_there_is() -> None:
    program, *arguments = shlex.split(unit("gateway.service")["ExecStart"])
    assert Path(program).name in tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    assert callable(parser().parse_args(arguments).command)
    assert float(unit("gateway.service")["TimeoutStopSec"]) >= DRAIN
    program, *arguments = shlex.split(unit("connector.service")["ExecStart"])
    assert Path(program).name == "firmware-sim"
    with pytest.raises(SystemExit) as ended:
        simulator([*arguments, "--help"])
    assert ended.value.code == 0


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("name", ["gateway.service", "connector.service"])
def test_systemd_understands_the_units(tmp_path: Path, name: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    text = (PACKAGING / "systemd" / name).read_text()
    # It looks whether the program is there.
    text = re.sub(r"^ExecStart=\S+/", f"ExecStart={BIN}/", text, flags=re.MULTILINE)
    text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
    (tmp_path / name).write_text(text)
    checked = run(program, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name))
    complaints = [line for line in checked.stderr.splitlines() if name in line]
    assert (checked.returncode, complaints) == (0, []), checked.stderr


# ------------------------------------------------------------------------- Kubernetes


@pytest.fixture(scope="module")
def objects() -> Mapping[tuple[str, str], Document]:
    found = yaml.safe_load_all(read("packaging/kubernetes/gateway.yaml"))
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_pods_have_settings_that_are_taken(objects: Mapping[tuple[str, str], Document]) -> None:
    pod = objects["StatefulSet", "gateway"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    said = dict(
        re.findall(r"--from-literal=(\w+)=(\S+)", read("packaging/kubernetes/gateway.yaml"))
    )
    given = {one["name"]: "10.0.0.7" for one in container["env"]} | said
    file = objects["ConfigMap", "gateway"]["data"]["gateway.toml"]
    settings = settings_of(given, file)
    assert settings.files.kind == "s3"
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {
        "http": settings.http.port,
        "link": settings.link.port,
        "node": settings.node.port,
    }
    assert callable(parser().parse_args(container["args"]).command)
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= DRAIN + pause
    assert pod["enableServiceLinks"] is False


def test_objects_find_each_other(objects: Mapping[tuple[str, str], Document]) -> None:
    stateful = objects["StatefulSet", "gateway"]["spec"]
    labels = stateful["template"]["metadata"]["labels"]
    assert stateful["selector"]["matchLabels"] == labels
    (container,) = stateful["template"]["spec"]["containers"]
    ports = {one["name"] for one in container["ports"]}
    for (kind, _), one in objects.items():
        if kind == "Service":
            assert one["spec"]["selector"] == labels
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports
    assert ("Service", stateful["serviceName"]) in objects
    assert objects["PodDisruptionBudget", "gateway"]["spec"]["selector"]["matchLabels"] == labels
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http"}
    places = {one["name"] for one in stateful["template"]["spec"]["volumes"]} | {"data"}
    assert {one["name"] for one in container["volumeMounts"]} == places
