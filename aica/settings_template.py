"""The text of the site's settings as `aica setup` writes them, /data/config/aica.conf. Pure."""


def render(settings):
    """Return the text of a new site file: what was decided, and every other key commented."""
    return TEMPLATE.format(
        group=settings.group,
        conda="" if settings.conda_install == "no" else "install = {}\n".format(
            settings.conda_install),
        uv="install = yes\n" if settings.uv_install else "",
        require_mount="" if settings.require_mount else "require_mount = no\n")


TEMPLATE = """\
# The site's settings for AICA DataKeeper: aica.conf(5). Written once by
# `aica setup`; from then on it is yours. Its presence proves that the data
# disk is really mounted: do not copy it to the system disk.

[site]
# The group that owns the shared folders and may use the sudo rules.
group = {group}
# Further groups that users.txt may name (environment and umask, no sudo).
#allowed_groups =
# Shown to members who need help.
#contact =

[storage]
# yes: refuse to work while the data folder is not a mount point.
#require_mount = yes
{require_mount}# Other servers with DataKeeper use the same data folder. auto: if it is on a network disk.
#several_hosts = auto

[accounts]
# private: homes are NAME:NAME 0750. shared: NAME:GROUP 0750.
#home_group = private
# Supplementary groups that are restored after a wipe.
#keep_groups = users video render
# yes, no, or auto: yes except on NFS, where other servers could read them.
#keep_passwords = auto
# Allow dots in user names.
#allow_dots = no

[ssh]
# Whether the SSH host keys survive a wipe. yes, no, or auto: yes except on NFS.
#keep_host_keys = auto

[keep]
# Files of root's below /etc and /usr/local that shall survive, one a line:
#files = /etc/hosts
#    /etc/ssh/sshd_config.d/team.conf
#files =

[clean]
# Members may remove from the shared caches what nobody used for so many days.
#member_min_age_days = 14

[backup]
# yes: aica-backup.timer copies homes and settings to the backup disk every night.
#timer = no
# What is not copied: patterns of rsync(1); the first / is a home's top folder.
#exclude = /.cache/
# Of so many days, weeks and months one snapshot each is kept.
#keep_daily = 7
#keep_weekly = 4
#keep_monthly = 6

[alert]
# The disks that are watched. Default: /data, /backup once it was there, and /.
#disks = /data /backup /
# From how many percent on, and how much lower it is over.
#warning = 80
#critical = 90
#hysteresis = 5
# Programs of /data/config/alert.d that a recovery puts into /etc/aica/alert.d,
# where they are told of every alarm.
#restore =

[cache]
# Which programs share their cache below /data/cache: conda pip uv npm yarn.
#shared = conda

[conda]
# no, miniforge, or miniconda: what aica-install.service installs if none is
# there. miniconda says that this site agrees with Anaconda's terms:
# https://www.anaconda.com/legal
#install = no
{conda}# Where packages come from.
#channels = conda-forge
# Another installer than the one that this release knows, and its checksums.
#version =
#url =
#sha256_x86_64 =
#sha256_aarch64 =

[uv]
# yes: aica-install.service installs uv if it is missing.
#install = no
{uv}# This version and no other; the index, if not the one of pip.
#version =
#index =

[tui]
# The colours of aica-tui: auto, dark, light or none.
#theme = auto
"""
