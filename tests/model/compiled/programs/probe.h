/* What the probes share with the program that runs them; it knows neither libc nor the kernel. */
#ifndef PROBE_H
#define PROBE_H

/* The 64-bit words of one case go in, as the struct of the probe has them; the results come out. */
struct probe {
	const char *name;
	void (*run)(const void *in, unsigned long long *out);
	unsigned long inputs, outputs;
};

/* Each table ends with a probe that has no name. */
extern const struct probe walk_probes[], spte_probes[];

/* Whether a WARN has fired in the case at hand. */
extern volatile int warned;

#endif
