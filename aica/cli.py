"""The command line: the parser assembled from commands/, errors -> exit status."""

import sys

from . import __version__
from .errors import AicaError, of_the_system

EXIT_BUG = 70
EXIT_INTERRUPTED = 130


def main(argv=None, prog="aica", caller=None):
    """Run one command and return its exit status. prog may be a door, such as aica-recover.

    caller: who came through a door that members may open (door.Caller).
    """
    try:
        return _main(sys.argv[1:] if argv is None else argv, prog, caller)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return AicaError.exit_status


def _main(argv, prog, caller):
    if argv == ["--version"] and caller is None:  # before the heavy imports
        print("aica {}".format(__version__))
        return 0
    from . import streams
    streams.make_safe()
    _stop_on_sigterm()
    from .parser import build
    return _run(build(prog, caller).parse_args(argv))


def _run(args):
    import traceback

    from .app import LOG, App
    from .commands import show

    app = App(args.root, args.config)
    try:
        return args.run(args, app)
    except AicaError as error:
        for text in app.warnings:
            show.warning(args, text)
        show.error(args, str(error), error.hint)
        return error.exit_status
    except BrokenPipeError:
        raise
    except OSError as error:  # such as EIO from /data: said with the path, nothing else tried
        show.error(args, str(error), of_the_system(error).hint)
        return AicaError.exit_status
    except Exception as error:  # a bug: said in one line, kept in the log
        app.log_bug(traceback.format_exc())
        show.error(args, "a bug in aica: {}: {}".format(type(error).__name__, error),
                   hint="the details are in {}; please report them".format(LOG))
        return EXIT_BUG


def _stop_on_sigterm():
    """systemd's patience has an end: stop as after Ctrl-C, with a word in the status."""
    import signal

    def stop(number, _frame):
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, stop)
