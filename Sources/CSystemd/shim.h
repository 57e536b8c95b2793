// sd_notify(3), sd_watchdog_enabled(3) and sd_journal_sendv(3): none is variadic, so Swift calls them as they are.
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
