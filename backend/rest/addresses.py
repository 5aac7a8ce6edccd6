"""Where a call comes from, as far as it can be believed."""

import ipaddress
from collections.abc import Mapping
from typing import Any

#: Bits of an IPv6 address that belong to one customer; he can use every address of it.
_IPV6_CUSTOMER_BITS = 64


def client_of(meta: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """The address of the client, or the /64 network of an IPv6 client: one name for one customer.

    Each of `trusted_proxies` proxies in front has added the address that it saw to X-Forwarded-For, so the client's is
    that many from the right; what stands further left is whatever the client wrote.
    """
    peer = str(meta.get("REMOTE_ADDR") or "")
    if trusted_proxies:
        hops = [hop.strip() for hop in str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",") if hop.strip()]
        claimed = _network_of(hops[-min(trusted_proxies, len(hops))]) if hops else None
        if claimed:
            return claimed
    return _network_of(peer) or "unknown"


def _network_of(text: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:567`, `::1` or `[::1]:80`; None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_CUSTOMER_BITS), strict=False))
    return str(address)
