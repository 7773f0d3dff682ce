/* What vfork_exec runs: the least program. */
int main(void) { return 0; }
