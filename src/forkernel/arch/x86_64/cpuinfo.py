"""/proc/cpuinfo of x86-64: CPUID's answers in Linux's words (Intel SDM vol. 2A, CPUID; proc(5))."""

from __future__ import annotations

from forkernel.hw.cpuid import cpuid

LEAF1_EDX = (
    "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 "
    "ss ht tm ia64 pbe"
)
LEAF1_ECX = (
    "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 "
    "x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave avx f16c rdrand hypervisor"
)
EXTENDED_EDX = (
    "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"
)
EXTENDED_ECX = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw"
LEAF7_EBX = (
    "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx "
    "smap"
)

TSC_MHZ = 2000
"""Rate of the time stamp counter."""


def flag_names(words: str, bits: int) -> list[str]:
    """Names of the set bits, lowest first."""
    return [name for at, name in enumerate(words.split()) if bits >> at & 1 and name != "-"]


def cpuinfo_text(cpus: int = 1) -> str:
    """A paragraph for each CPU, of what can be known: the clock is that of the time stamp counter, there are no
    caches. Several are the cores of one package.
    """
    (top, *vendor), (signature, brand, ecx, edx), (_, leaf7, _, _), (ext_top, *_), (_, _, ext_ecx, ext_edx) = cpuid(
        [(0, 0), (1, 0), (7, 0), (0x80000000, 0), (0x80000001, 0)]
    )
    names = cpuid([(0x80000002, 0), (0x80000003, 0), (0x80000004, 0)]) if ext_top >= 0x80000004 else []
    sizes = cpuid([(0x80000008, 0)])[0][0] if ext_top >= 0x80000008 else 0x2024
    family, model = signature >> 8 & 0xF, signature >> 4 & 0xF
    if family in (6, 15):
        model |= signature >> 12 & 0xF0
    if family == 15:
        family += signature >> 20 & 0xFF
    flags = flag_names(LEAF1_EDX, edx) + flag_names(EXTENDED_EDX, ext_edx) + flag_names(LEAF1_ECX, ecx)
    flags += flag_names(EXTENDED_ECX, ext_ecx) + flag_names(LEAF7_EBX, leaf7)
    lines = [
        ("processor\t", "{cpu}"),
        ("vendor_id\t", _text((vendor[0], vendor[2], vendor[1]))),
        ("cpu family\t", str(family)),
        ("model\t\t", str(model)),
        ("model name\t", _text(tuple(word for four in names for word in four)).strip() or "unknown"),
        ("stepping\t", str(signature & 0xF)),
        ("cpu MHz\t\t", f"{TSC_MHZ}.000"),
        ("physical id\t", "0"),
        ("siblings\t", str(cpus)),
        ("core id\t\t", "{cpu}"),
        ("cpu cores\t", str(cpus)),
        ("apicid\t\t", "{cpu}"),
        ("initial apicid\t", "{cpu}"),
        ("fpu\t\t", "yes"),
        ("fpu_exception\t", "yes"),
        ("cpuid level\t", str(top)),
        ("wp\t\t", "yes"),
        ("flags\t\t", " ".join(flags)),
        ("bogomips\t", f"{2 * TSC_MHZ}.00"),
        ("clflush size\t", str((brand >> 8 & 0xFF) * 8)),
        ("address sizes\t", f"{sizes & 0xFF} bits physical, {sizes >> 8 & 0xFF} bits virtual"),
        ("power management", ""),
    ]
    text = "".join(f"{name}: {value}\n".replace(": \n", ":\n") for name, value in lines) + "\n"
    return "".join(text.replace("{cpu}", str(cpu)) for cpu in range(cpus))


def _text(words: tuple[int, ...]) -> str:
    """Registers as the characters in them."""
    return b"".join(word.to_bytes(4, "little") for word in words).split(b"\0")[0].decode("latin-1")
