"""Random passwords and chosen ports of one var folder: made once, so that what is in the folder stays readable."""

import secrets
from pathlib import Path

from devstack.env_file import read_env_file, write_env_file
from devstack.errors import StartFailed
from devstack.ports import free_port, is_taken

FILE_NAME = "secrets.env"
#: Bytes of randomness; written down in base64 they are half as long again.
_KEY_BYTES = 48
_PASSWORD_BYTES = 18

_KEYS = ("SECRET_KEY", "FLEET_KEY")
_PASSWORDS = ("ADMIN_PASSWORD", "FLOWER_PASSWORD", "EMBEDDED_REDIS_PASSWORD", "EMBEDDED_POSTGRES_PASSWORD")
_PORTS = ("EMBEDDED_REDIS_PORT", "EMBEDDED_POSTGRES_PORT")


def keep_secrets(var_dir: Path) -> dict[str, str]:
    """The secrets of `var_dir`; what is missing is made, and a port that is taken by now is replaced.

    `StartFailed` when data is there that only a lost password opens.
    """
    path = var_dir / FILE_NAME
    kept = read_env_file(path)
    if "EMBEDDED_POSTGRES_PASSWORD" not in kept and (var_dir / "postgres").exists():
        raise StartFailed(
            f"{path} is gone, and with it the password of the database in {var_dir / 'postgres'}: "
            "put it back, or remove both (make clean)"
        )
    fresh = kept | _new_secrets(kept)
    for name in _PORTS:
        if name not in kept or is_taken(int(kept[name])):
            fresh[name] = str(free_port())
    if fresh != kept:
        var_dir.mkdir(parents=True, exist_ok=True)
        write_env_file(path, fresh, heading="Made by `make run`. Remove it only together with the data beside it.")
    return fresh


def _new_secrets(kept: dict[str, str]) -> dict[str, str]:
    sizes = dict.fromkeys(_KEYS, _KEY_BYTES) | dict.fromkeys(_PASSWORDS, _PASSWORD_BYTES)
    return {name: secrets.token_urlsafe(size) for name, size in sizes.items() if not kept.get(name)}
