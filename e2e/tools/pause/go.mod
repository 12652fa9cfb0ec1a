module e2e/tools

go 1.24
