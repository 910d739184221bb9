"""What the bash version leaves on a server: its files, word for word where they matter."""

PROFILE = """\
#!/bin/bash
# AICADataKeeper global environment
ENV_FILE="/data/AICADataKeeper/scripts/../config/global_env.sh"
if [ -f "$ENV_FILE" ]; then
  source "$ENV_FILE"
fi
export PATH="/data/apps/opencode/bin:$PATH"
"""
GLOBAL_ENV = """\
# Hybrid cache strategy
export CONDA_PKGS_DIRS="/data/cache/conda/pkgs"
export CONDA_ENVS_PATH="$HOME/conda/envs"
export HF_HOME="/data/models/huggingface"
export TEAM_BUCKET="s3://team"
"""
SUDOERS = """\
# AICADataKeeper
Cmnd_Alias CACHE_MGMT = /data/scripts/ops-clean-cache.sh
Cmnd_Alias DISK_CHECK = /usr/bin/df
%gpu-users ALL=(ALL) NOPASSWD: CACHE_MGMT, DISK_CHECK
"""
UNIT = """\
[Unit]
Description=AICA Data Keeper auto-recovery
After=network.target

[Service]
Type=oneshot
ExecStart=/data/AICADataKeeper/scripts/ops-recovery.sh
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
"""
CRON_HOURLY = "#!/bin/bash\nset -e\n/data/scripts/ops-disk-alert.sh --threshold 80\n"
CRON_D = "SHELL=/bin/bash\n0 * * * * root /data/scripts/ops-disk-alert.sh --threshold 90\n"
ROOTS_CRONTAB = "# m h\n0 * * * * /data/scripts/ops-disk-alert.sh --threshold 80\n"
USERS = "# users\nkim:gpu-users\nlee:gpu-users\n"

PROFILE_PATH = "/etc/profile.d/global_envs.sh"
SUDOERS_PATH = "/etc/sudoers.d/aica-datakeeper"
UNIT_PATH = "/etc/systemd/system/aica-recovery.service"
CRON_PATH = "/etc/cron.hourly/aica-disk-alert"
# path -> (text, mode); all are root's.
FILES = {
    PROFILE_PATH: (PROFILE, 0o644),
    SUDOERS_PATH: (SUDOERS, 0o440),
    UNIT_PATH: (UNIT, 0o644),
    CRON_PATH: (CRON_HOURLY, 0o755),
    "/etc/cron.d/aica-disk": (CRON_D, 0o644),
}
ON_DATA = {
    "/data/config/global_env.sh": (GLOBAL_ENV, 0o755),
    "/data/config/users.txt": (USERS, 0o664),
    "/data/scripts/ops-clean-cache.sh": ("#!/bin/bash\nset -e\n", 0o755),
    "/data/scripts/ops-disk-alert.sh": ("#!/bin/bash\nset -e\n", 0o755),
    "/data/AICADataKeeper/scripts/ops-recovery.sh": ("#!/bin/bash\nset -e\n", 0o755),
}
# Folders that were open to the group, in the order in which they lie in each other.
OPEN = ("/data", "/data/config", "/data/users", "/data/scripts", "/data/AICADataKeeper",
        "/data/AICADataKeeper/scripts", "/data/apps", "/data/models", "/data/models/torch",
        "/data/cache", "/data/cache/pip")


def aside(path, number=1):
    """Return where a file of the bash version lies after a setup."""
    folder, name = path.rsplit("/", 1)
    return "{}/.{}.bash-version.{}".format(folder, name, number)
