//! One run, from its window to its verdict: what is asked, in which order, how patiently.
