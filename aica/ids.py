"""Which ids a new record may have: never one that was given to somebody else. Pure."""

from .errors import ConfigError, Conflict

NOBODY = 65534
FIRST = 2000
# Below it are people, services, and what systemd gives to its own.
FIRST_POSSIBLE_SUBID = 65536
LAST_ID = 2 ** 32 - 2
# What useradd gives by itself: SUB_UID_MIN and SUB_UID_COUNT of login.defs(5).
FIRST_SUBID = 100000
SUBIDS = 65536


def check(user, present, known, id_range, shared_groups):
    """Raise unless this account of the host may be recorded in the vault `known`.

    shared_groups are the names that may be anybody's primary group. Raise
    ConfigError for ids that are not for people, Conflict for those that
    belong to somebody else.
    """
    _check_range(user.name, "uid", user.uid, id_range)
    owner = known.name_of_uid(user.uid)
    if owner not in (None, user.name):
        raise Conflict("uid {} is reserved for {}".format(user.uid, owner),
                       hint="give {0} a uid that nobody had: usermod -u N {0}".format(user.name))
    if present.name_of_gid(user.gid) not in shared_groups:
        _check_private_group(user, known, id_range)
    for field in ("subuid", "subgid"):
        _check_subids(user.name, getattr(present, field), getattr(known, field))


def _check_range(name, what, number, id_range):
    low, high = id_range
    if not low <= number <= high or number == NOBODY:
        raise ConfigError("{} has {} {}: expected {}..{}, the range for people".format(
            name, what, number, low, high), hint="see UID_MIN in /etc/login.defs")


def _check_private_group(user, known, id_range):
    _check_range(user.name, "primary gid", user.gid, id_range)
    recorded = known.passwd.get(user.name)
    if recorded is not None and recorded.gid == user.gid:
        return  # theirs already, also where a former uid of theirs is reserved with it
    holders = {line.name for line in known.passwd.values() if line.gid == user.gid}
    holders |= {line.name for line in known.group.values() if line.gid == user.gid}
    others = sorted(holders - {user.name})
    if others:
        raise Conflict("gid {}, the primary group of {}, is reserved for {}".format(
            user.gid, user.name, others[0]),
            hint="give {0} a group of its own: groupadd -g N {0}; usermod -g {0} {0}".format(
                user.name))


def _check_subids(name, present, known):
    mine = present.get(name, ())
    for other, ranges in known.items():
        if other != name and overlap(mine, ranges):
            raise Conflict("subordinate ids {} of {} are reserved for {}".format(
                ",".join(mine), name, other), hint="see subuid(5) and usermod --add-subuids")


def is_sole(uid, name, present, id_range):
    """True if a uid is one for people, and no other account than `name` has it. Pure."""
    low, high = id_range
    owners = {user.name for user in present.passwd.values() if user.uid == uid}
    return low <= uid <= high and uid not in (0, NOBODY) and owners <= {name}


def overlap(left, right):
    """True if two tuples of "START:COUNT" ranges share an id."""
    spans, others = _spans(left), _spans(right)
    return any(a < c + d and c < a + b for a, b in spans for c, d in others)


def _spans(ranges):
    return [tuple(int(number) for number in entry.split(":")) for entry in ranges]


def spans(ranges):
    """Return "START:COUNT" ranges as [(first, last)]. Pure."""
    return [(first, first + count - 1) for first, count in _spans(ranges)]


def subuids_of(name, uid, present, known):
    """Return the subordinate uids that are one user's alone, as [(first, last)]. Pure.

    By /etc/subuid, where a line may have the uid for a name, and by the
    record. What any account or anybody else's range has is left out: whose
    those processes and files are, nobody can tell.
    """
    mine, others = [], []
    for source in (present, known):
        for owner, ranges in source.subuid.items():
            found = mine if owner in (name, str(uid)) else others
            found += [(first, first + count - 1) for first, count in _spans(ranges)]
        others += [(user.uid, user.uid) for user in source.passwd.values()]
    others += [(0, FIRST_POSSIBLE_SUBID - 1), (LAST_ID + 1, float("inf"))]
    for hole in others:
        mine = [part for span in mine for part in _cut(span, hole)]
    return sorted(set(mine))


def _cut(span, hole):
    """Return what is left of a (first, last) without another one."""
    if hole[0] > span[1] or hole[1] < span[0]:
        return [span] if span[0] <= span[1] else []
    parts = [(span[0], hole[0] - 1), (hole[1] + 1, span[1])]
    return [part for part in parts if part[0] <= part[1]]


def free_gid(present, known, first):
    """Return the first gid from `first` on that neither host nor vault ever gave to anybody."""
    taken = {group.gid for group in present.group.values()}
    taken |= {group.gid for group in known.group.values()}
    for users in (present.passwd, known.passwd):  # a gid may have no line in group
        taken |= {user.gid for user in users.values()}
    gid = first
    while gid in taken:
        gid += 1
    return gid


def free_id(present, known, id_range, foreign=()):
    """Return the first number that nobody ever had as uid or gid, and that is in `foreign` neither.

    Images bring accounts of their own from UID_MIN upwards, so the search
    begins where the next image will hardly have one. Raise Conflict if the
    range is full.
    """
    low, high = id_range
    taken = set(foreign) | {NOBODY}
    for source in (present, known):
        taken |= {user.uid for user in source.passwd.values()}
        taken |= {user.gid for user in source.passwd.values()}
        taken |= {group.gid for group in source.group.values()}
    first = FIRST if low <= FIRST <= high else low
    for number in list(range(first, high + 1)) + list(range(low, first)):
        if number not in taken:
            return number
    raise Conflict("no id from {} to {} is free".format(low, high),
                   hint="see UID_MAX in /etc/login.defs")


def free_subids(present, known):
    """Return ("START:COUNT",) above all subordinate ids that were ever given: subuid(5)."""
    start = FIRST_SUBID
    for source in (present, known):
        for ranges in list(source.subuid.values()) + list(source.subgid.values()):
            start = max([start] + [first + count for first, count in _spans(ranges)])
    return ("{}:{}".format(start, SUBIDS),)
