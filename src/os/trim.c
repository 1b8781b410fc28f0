/* Gives memory back that only the start needed: code that ran once, and free blocks of the heap.
 *
 * Decision: clean pages of read-only segments are dropped, not locked out: what is called again comes back from the page cache at the
 * price of a fault. A daemon that waits on a small box holds what it uses while it waits, not what it used to get there. */
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#include "os/loop.h"

static int drop(struct dl_phdr_info *o, size_t size, void *page) {
    uintptr_t mask = *(const uintptr_t *)page - 1;
    for (int i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &o->dlpi_phdr[i];
        if (h->p_type != PT_LOAD || h->p_flags & PF_W)
            continue;
        uintptr_t from = (o->dlpi_addr + h->p_vaddr + mask) & ~mask, to = (o->dlpi_addr + h->p_vaddr + h->p_memsz) & ~mask;
        if (to > from)
            madvise((void *)from, to - from, MADV_DONTNEED);
    }
    return 0;
}
void sl_memory_trim(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    malloc_trim(0);
    dl_iterate_phdr(drop, &page);
}
