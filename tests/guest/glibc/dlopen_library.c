// dlopen of the C library's own math library, a symbol of it, an error.
#include "guest.h"
#include <dlfcn.h>
int main(void)
{
    void *handle = dlopen("libm.so.6", RTLD_NOW);
    say("opened %d", handle != NULL);
    double (*power)(double, double) = handle ? (double (*)(double, double))dlsym(handle, "pow") : NULL;
    say("2^10 = %g", power ? power(2, 10) : 0);
    say("missing %d", dlopen("libnothing-at-all.so", RTLD_NOW) == NULL);
    say("in the program %d", dlsym(RTLD_DEFAULT, "malloc") != NULL);
    return 0;
}
