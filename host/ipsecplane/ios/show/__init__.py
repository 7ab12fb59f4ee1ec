"""What `show` commands print: pure functions from views to text, in IOS XE's layouts."""
