// stdio, qsort, strtod, strftime, getenv, iconv-free basics of a dynamic program; exit flushes.
// args: 3 1 2
#include "guest.h"
static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
int main(int argc, char **argv)
{
    qsort(argv + 1, argc - 1, sizeof *argv, compare);
    for (int i = 1; i < argc; i++)
        printf("%s ", argv[i]);
    struct tm tm;
    time_t t = 1000000000;
    char text[64];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    printf("| %s | %.3f | %s\n", text, strtod("2.71828", NULL), getenv("LANG"));
    FILE *f = tmpfile();
    fprintf(f, "%d %s", 42, "words");
    rewind(f);
    int n = 0;
    char word[16] = "";
    fscanf(f, "%d %15s", &n, word);
    printf("%d %s\n", n, word);
    long sum = 0;
    char *big[200];
    for (int i = 0; i < 200; i++)
        memset(big[i] = malloc(i * 1000 + 1), i, i * 1000 + 1);
    for (int i = 0; i < 200; i++)
        sum += big[i][i * 500], free(big[i]);
    printf("%ld", sum);
    return 0;
}
