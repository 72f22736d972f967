"""Every metric as a value and as what each row moves it by, a module for each kind of answer."""
