"""What the desired state is made from."""

from typing import Dict, NamedTuple, Optional, Tuple

from ..accounts import AccountSet
from ..guards import Guards
from ..registry import Registry
from ..settings import Settings
from ..to_keep import Found


class Site(NamedTuple):
    """Everything that the desired state is made from.

    vault is what the account records shall say, directory_users the (uid,
    gid) of registered names that only a directory service knows, looks how
    the accounts that were seen right in this boot look now (see seen.py),
    recorded what the vault was made from, as it was read (None: not said),
    kept what there is to keep besides (see to_keep.py), host_keys whether that
    includes them, guards what AppArmor and SELinux must know (see guards.py).
    """

    settings: Settings = Settings()
    registry: Registry = Registry()
    registry_data: bytes = b""
    vault: AccountSet = AccountSet({}, {}, {})
    variables: Tuple = ()
    keep_passwords: bool = True
    id_range: Tuple[int, int] = (1000, 60000)
    directory_users: Dict[str, Tuple[int, int]] = {}
    looks: Dict[str, Dict] = {}
    kept: Found = Found()
    host_keys: bool = True
    recorded: Optional[AccountSet] = None
    guards: Guards = Guards()
